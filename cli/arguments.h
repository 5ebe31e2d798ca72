#pragma once

#include <functional>
#include <string>

namespace CLI {  // NOLINT(readability-identifier-naming): CLI11's name
class App;
class Option;
}  // namespace CLI

namespace gradus::cli {

/// An argument of a command.
class Argument {
 public:
  explicit Argument(CLI::Option* option) : option_(option) {}
  Argument required();
  /// Of a list: a use takes one value and not all that follow.
  Argument one_each();

 private:
  CLI::Option* option_;
};

/// Declares a command and its arguments, a handle that is cheap to copy. CLI11 does the work; its
/// headers take seconds to compile, so arguments.cpp and program.cpp alone include them.
class Command {
 public:
  explicit Command(CLI::App* app) : app_(app) {}

  Command add_subcommand(const std::string& name, const std::string& text);
  /// One of the subcommands must be given.
  void require_subcommand();
  /// Once everything is read: was one given?
  bool has_subcommand() const;

  /// `name`: "--seed", "-n,--count", or "path" for one that is told by its place. What is read goes
  /// to `value`, which must outlive the parsing; of lists, every use adds. A value that is not of
  /// the type ends the parsing with an error that names the argument.
  /// Values: std::string, std::filesystem::path, int, int64_t, uint64_t, double, lists of the first
  /// two, std::optional of the numbers.
  template <class Value>
  Argument add_option(const std::string& name, Value& value, const std::string& text);
  void add_flag(const std::string& name, bool& value, const std::string& text);

  /// What runs once everything is read.
  void callback(std::function<void()> run);

 private:
  CLI::App* app_;
};

}  // namespace gradus::cli
