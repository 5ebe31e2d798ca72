#include <filesystem>

#include "base/error.h"
#include "policy/convert_checkpoint.h"
#include "rl/chain/chain_kind.h"

namespace gradus::rl {
namespace {

namespace fs = std::filesystem;

struct ExportConfig {
  std::string path;
  std::string dtype;
};

void describe(ExportConfig& c, SettingFields& field) {
  field("path", c.path, any(),
        "what is written, below the stage's folder unless absolute: a file that ends in .gguf, or "
        "a Hugging Face folder; empty: model.gguf");
  field("dtype", c.dtype, any(), "f32, bf16, f16, q8_0 (GGUF), fp8 (folder); empty: as it is");
}

void prepare_export(ChainStage& stage, const StageNames&) {
  check_settings(stage.config, stage.entry.where);
  if (stage.config.model.path.empty())
    throw ConfigError(stage.entry.where +
                      ": from: is empty. Name the stage or checkpoint to export");
}

bool run_export(const ChainStage& stage, const Chain&, StageRunEnvironment& environment) {
  const auto& config = stage.entry.own.of<ExportConfig>("export");
  const fs::path target = stage.folder / (config.path.empty() ? "model.gguf" : config.path);
  // Of an export that was killed; files of others are not the stage's to remove.
  if (target.parent_path() == stage.folder) fs::remove_all(target);
  environment.observer.on_phase(0, "save");
  for (const auto& note : policy::convert_checkpoint(
           stage.config.model.path, {target, policy::format_of(target), config.dtype}))
    environment.observer.on_warning(note);
  return true;
}

}  // namespace

extern const ChainKind kExportKind;
const ChainKind kExportKind{.name = "export",
                            .text = "writes the policy in `from` for other programs",
                            .own = [] { return OwnSettings::of(ExportConfig{}); },
                            .makes_policy = false,
                            .makes_files = true,
                            .prepare = prepare_export,
                            .run = run_export};

}  // namespace gradus::rl
