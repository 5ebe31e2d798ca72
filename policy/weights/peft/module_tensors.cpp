#include "policy/weights/peft/module_tensors.h"

#include <fmt/format.h>

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/printable.h"

namespace gradus::policy {
namespace {

constexpr std::string_view kModelPrefix = "base_model.model.";
constexpr std::string_view kBaseLayer = ".base_layer";

bool take_suffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

class Sorter {
 public:
  explicit Sorter(const AdapterFile& file) : file_(file) {}

  void add(const std::string& name) {
    std::string_view rest = name;
    if (!rest.starts_with(kModelPrefix)) refuse(name, "is not under base_model.model");
    rest.remove_prefix(kModelPrefix.size());
    if (rest.find(".lora_magnitude_vector") != std::string_view::npos) {
      refuse(name, "is DoRA's, which is not supported; merge the adapter with PEFT");
    }
    if (is_unread(rest) || adds_lora(rest, name) || adds_token_rows(rest, name)) return;
    add_value(rest, name);
  }

  std::map<std::string, ModuleTensors> take() {
    check_copies();
    return std::move(modules_);
  }

 private:
  [[noreturn]] void refuse(const std::string& name, const std::string& why) const {
    throw FileError(file_.path(), "unsupported_tensor",
                    fmt::format("\"{}\" {}", printable(name, 200), why));
  }

  /// The module as it was before the adapter, and rows as they were: of use when it is taken off.
  static bool is_unread(std::string_view rest) {
    return rest.find(".original_module.") != std::string_view::npos ||
           rest.ends_with(".token_adapter.trainable_tokens_original");
  }

  bool adds_lora(std::string_view rest, const std::string& name) {
    if (take_suffix(rest, ".lora_embedding_A")) {
      of(rest).embedding.a = name;
    } else if (take_suffix(rest, ".lora_embedding_B")) {
      of(rest).embedding.b = name;
    } else if (take_suffix(rest, ".lora_A.weight")) {
      product(rest).a = name;
    } else if (take_suffix(rest, ".lora_B.weight")) {
      product(rest).b = name;
    } else if (take_suffix(rest, ".lora_B.bias")) {
      product(rest).b_bias = name;
    } else if (rest.find(".lora_") != std::string_view::npos) {
      refuse(name, "is of no layer that is known here");
    } else {
      return false;
    }
    return true;
  }

  bool adds_token_rows(std::string_view rest, const std::string& name) {
    if (!take_suffix(rest, ".token_adapter.trainable_tokens_delta")) return false;
    of(rest).token_rows = name;
    return true;
  }

  void add_value(std::string_view rest, const std::string& name) {
    const size_t dot = rest.rfind('.');
    if (dot == std::string_view::npos) refuse(name, "is of no module");
    const std::string parameter(rest.substr(dot + 1));
    rest = rest.substr(0, dot);
    if (take_suffix(rest, ".modules_to_save")) {
      copies_.push_back({std::string(rest), parameter, name});
    } else if (take_suffix(rest, ".token_adapter.base_layer") || take_suffix(rest, kBaseLayer)) {
      while (take_suffix(rest, kBaseLayer)) continue;
      of(rest).base_values[parameter] = name;
    } else {
      of(rest).values[parameter] = name;
    }
  }

  /// PEFT reads the name without modules_to_save alone.
  void check_copies() const {
    for (const Copy& copy : copies_) {
      const auto module = modules_.find(copy.module);
      const bool is_known =
          module != modules_.end() && module->second.values.count(copy.parameter) > 0;
      if (!is_known) refuse(copy.name, "is there, but not the tensor without .modules_to_save");
      if (!are_equal(copy.name, module->second.values.at(copy.parameter))) {
        refuse(copy.name, "differs from the tensor without .modules_to_save");
      }
    }
  }

  bool are_equal(const std::string& left, const std::string& right) const {
    const auto bytes = [&](const std::string& name) {
      std::vector<std::byte> result(file_.tensors().info(name).num_bytes);
      file_.tensors().read_raw(name, result);
      return result;
    };
    return file_.tensors().info(left).dtype == file_.tensors().info(right).dtype &&
           bytes(left) == bytes(right);
  }

  ModuleTensors& of(std::string_view module) { return modules_[std::string(module)]; }

  LoraSides& product(std::string_view module) {
    int depth = 0;
    while (take_suffix(module, kBaseLayer)) ++depth;
    return of(module).products[depth];
  }

  struct Copy {
    std::string module;
    std::string parameter;
    std::string name;
  };

  const AdapterFile& file_;
  std::map<std::string, ModuleTensors> modules_;
  std::vector<Copy> copies_;
};

}  // namespace

std::map<std::string, ModuleTensors> tensors_by_module(const AdapterFile& file) {
  Sorter sorter(file);
  for (const TensorInfo& info : file.tensors().tensors()) sorter.add(info.name);
  return sorter.take();
}

}  // namespace gradus::policy
