#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/files/jsonl.h"
#include "base/json.h"
#include "cli/commands/command_record.h"
#include "cli/model_options.h"
#include "policy/checkpoint_tokenizer.h"

namespace gradus::cli {
namespace {

struct TokenizeOptions {
  std::string model;
  std::string in;
  std::string out;
};

std::string tokenized(const policy::Tokenizer& tokenizer, std::string_view line,
                      const std::string& where) {
  auto object = parse_json(line, where);
  if (!object.is_object() || !object.contains("text") || !object["text"].is_string()) {
    throw FileError(where, "bad_row", "is not an object with `text`");
  }
  const auto ids = tokenizer.encode(object["text"].get_ref<const std::string&>());
  object["decoded"] = tokenizer.decode(ids);
  object["ids"] = ids;
  return dump_json(object) + "\n";
}

void tokenize(const TokenizeOptions& options, std::ostream& out) {
  const auto loaded = policy::load_checkpoint_tokenizer(checkpoint_path(options.model));
  LineReader lines(options.in);
  std::unique_ptr<AtomicFile> file;
  if (!options.out.empty() && options.out != "-") file = std::make_unique<AtomicFile>(options.out);
  while (const auto line = lines.next()) {
    const auto text = tokenized(*loaded.tokenizer, line->text, lines.where());
    if (file != nullptr) {
      file->write(text);
    } else {
      out << text;
    }
  }
  if (file != nullptr) file->commit();
}

void declare_tokenize(Command app, Session& session) {
  auto options = std::make_shared<TokenizeOptions>();
  app.add_option("--model", options->model,
                 "checkpoint, or a folder or file with its tokenizer alone")
      .required();
  app.add_option("--in", options->in, "JSONL file, .gz too").required();
  app.add_option("--out", options->out, "JSONL file to write; default: the terminal");
  app.callback([options, &session] { tokenize(*options, session.out); });
}

}  // namespace

extern const CommandRecord kTokenizeCommand{
    "", "tokenize", "add `ids` and `decoded` to every line of a JSONL file with `text`",
    declare_tokenize};

}  // namespace gradus::cli
