#include "policy/model/companions.h"

#include "base/files/contained_file.h"
#include "base/json.h"
#include "policy/checkpoint_tokenizer.h"

namespace gradus::policy {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTokenizerFiles[] = {"tokenizer.json",
                                           "tokenizer.model",
                                           "tokenizer_config.json",
                                           "special_tokens_map.json",
                                           "added_tokens.json",
                                           "vocab.json",
                                           "merges.txt",
                                           "chat_template.jinja"};

void add_file(HfCheckpoint& out, const fs::path& file) {
  if (!fs::exists(file)) return;
  check_stays_inside(file);
  out.extra_files.push_back(file);
}

bool has_tokenizer(const fs::path& folder) {
  return !folder.empty() &&
         (fs::exists(folder / "tokenizer.json") || fs::exists(folder / "tokenizer.model"));
}

/// Whether the source's config is no longer that of the checkpoint on disk.
bool is_resized(const CheckpointSource& source) {
  const auto on_disk = open_checkpoint(source.path());
  return on_disk->config().value("vocab_size", nlohmann::json()) !=
         source.config().value("vocab_size", nlohmann::json());
}

}  // namespace

void add_companions(HfCheckpoint& out, const CheckpointSource& source, const fs::path& adapter) {
  const bool takes_adapters = has_tokenizer(adapter) && is_resized(source);
  if (source.gguf() != nullptr && !takes_adapters) {
    for (const auto& file : load_checkpoint_tokenizer(source.path()).tokenizer->source_files()) {
      out.extra_texts[file.name] = file.contents;
    }
    return;
  }
  const fs::path own =
      fs::is_directory(source.path()) ? source.path() : source.path().parent_path();
  for (const char* name : kTokenizerFiles) add_file(out, (takes_adapters ? adapter : own) / name);
  add_file(out, own / "generation_config.json");
}

}  // namespace gradus::policy
