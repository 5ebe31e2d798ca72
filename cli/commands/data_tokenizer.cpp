#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/files/jsonl.h"
#include "base/json.h"
#include "cli/commands/command_record.h"
#include "policy/tokenizer/sentencepiece/sentencepiece_trainer.h"

namespace gradus::cli {
namespace {

struct DataTokenizerOptions {
  std::string in;
  std::string column = "text";
  std::string out;
  int vocab_size = 1024;
  bool has_byte_fallback = true;
  std::vector<std::string> symbols;
};

std::vector<std::string> read_texts(const DataTokenizerOptions& options) {
  std::vector<std::string> texts;
  LineReader reader(options.in);
  while (const auto line = reader.next()) {
    const auto row = parse_json(line->text, reader.where());
    if (!row.is_object() || !row.contains(options.column) || !row[options.column].is_string()) {
      throw FileError(options.in, "bad_row",
                      fmt::format("line {} has no text \"{}\"; name its column with --column",
                                  line->number, options.column));
    }
    texts.push_back(row[options.column]);
  }
  return texts;
}

void train(const DataTokenizerOptions& options, std::ostream& out) {
  policy::SentencePieceTraining training;
  training.vocab_size = options.vocab_size;
  training.byte_fallback = options.has_byte_fallback;
  training.character_coverage = 1.0;
  // A line end inside a symbol cannot be typed on every command line: \n stands for it.
  for (const auto& symbol : options.symbols) {
    training.user_defined_symbols.push_back(symbol == "\\n" ? "\n" : symbol);
  }
  const auto texts = read_texts(options);
  AtomicFile file(options.out);
  file.write(policy::train_sentencepiece(training, texts));
  file.commit();
  out << fmt::format("{}: {} pieces from {} texts\n", options.out, options.vocab_size,
                     texts.size());
}

void declare_data_tokenizer(Command app, Session& session) {
  auto options = std::make_shared<DataTokenizerOptions>();
  app.add_option("--in", options->in, "JSONL file, .gz too").required();
  app.add_option("--column", options->column, "the texts' column");
  app.add_option("--vocab-size", options->vocab_size, "pieces in all");
  app.add_flag("--byte-fallback,!--no-byte-fallback", options->has_byte_fallback,
               "256 pieces for single bytes, so that every text has ids");
  app.add_option("--symbol", options->symbols,
                 "a text that is always one piece; \\n: the line end");
  app.add_option("--out", options->out, "tokenizer.model to write").required();
  app.callback([options, &session] { train(*options, session.out); });
}

}  // namespace

extern const CommandRecord kDataTokenizerCommand{
    "data", "tokenizer", "train a small SentencePiece tokenizer on texts", declare_data_tokenizer};

}  // namespace gradus::cli
