#include "cli/arguments.h"

#include <CLI/App.hpp>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gradus::cli {

Argument Argument::required() {
  option_->required();
  return *this;
}

Argument Argument::one_each() {
  option_->allow_extra_args(false);
  return *this;
}

Command Command::add_subcommand(const std::string& name, const std::string& text) {
  return Command(app_->add_subcommand(name, text));
}

void Command::require_subcommand() {
  app_->require_subcommand(1);
}

bool Command::has_subcommand() const {
  return !app_->get_subcommands().empty();
}

template <class Value>
Argument Command::add_option(const std::string& name, Value& value, const std::string& text) {
  return Argument(app_->add_option(name, value, text));
}

#define GRADUS_ARGUMENT(...) \
  template Argument Command::add_option(const std::string&, __VA_ARGS__&, const std::string&)
GRADUS_ARGUMENT(std::string);
GRADUS_ARGUMENT(std::filesystem::path);
GRADUS_ARGUMENT(int);
GRADUS_ARGUMENT(int64_t);
GRADUS_ARGUMENT(uint64_t);
GRADUS_ARGUMENT(double);
GRADUS_ARGUMENT(std::vector<std::string>);
GRADUS_ARGUMENT(std::vector<std::filesystem::path>);
GRADUS_ARGUMENT(std::optional<int>);
GRADUS_ARGUMENT(std::optional<int64_t>);
GRADUS_ARGUMENT(std::optional<uint64_t>);
GRADUS_ARGUMENT(std::optional<double>);
#undef GRADUS_ARGUMENT

void Command::add_flag(const std::string& name, bool& value, const std::string& text) {
  app_->add_flag(name, value, text);
}

void Command::callback(std::function<void()> run) {
  app_->callback(std::move(run));
}

}  // namespace gradus::cli
