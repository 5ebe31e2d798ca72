// The README's lines, as a newcomer types them: on a tiny model and a few rows, and cut short.

#include <fmt/format.h>
#include <zlib.h>

#include <array>
#include <cstring>
#include <map>
#include <sstream>

#include "tests/catch.h"
#include "tests/cli/program.h"
#include "tests/cli/tiny_recipe.h"

using namespace gradus::cli;
namespace fs = std::filesystem;

namespace {

using Words = std::vector<std::string>;

const fs::path kSource = GRADUS_SOURCE_DIR;

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const auto at = text.find(what);
  if (at != std::string::npos) text.replace(at, what.size(), with);
  return text;
}

/// The block that begins with the line "```LANGUAGE" and the comment "# NAME".
std::string block(const std::string& readme, const std::string& language, const std::string& name) {
  const auto begin = readme.find("```" + language + "\n# " + name + "\n");
  REQUIRE(begin != std::string::npos);
  const auto text = readme.find('\n', begin) + 1;
  return readme.substr(text, readme.find("```", text) - text);
}

/// A command line without its comment, as a shell splits it.
Words words_of(const std::string& line) {
  Words words;
  std::string word;
  bool quoted = false;
  bool begun = false;
  for (const char c : line + " ") {
    if (c == '"') {
      quoted = !quoted;
      begun = true;
    } else if (c == ' ' && !quoted) {
      if (begun) words.push_back(word);
      if (begun && word == "#") {
        words.pop_back();
        break;
      }
      word.clear();
      begun = false;
    } else {
      word += c;
      begun = true;
    }
  }
  return words;
}

std::vector<Words> command_lines(const std::string& readme) {
  std::vector<Words> lines;
  std::istringstream text(readme);
  for (std::string line; std::getline(text, line);) {
    for (const char* start : {"    gradus ", "    build/gradus ", "    ./run "})
      if (line.starts_with(start)) lines.push_back(words_of(line));
  }
  return lines;
}

void write_gzip_rows(const fs::path& path) {
  gzFile file = gzopen(path.c_str(), "wb");
  for (int i = 1; i <= 8; ++i)
    gzprintf(file, "{\"question\": \"What is %d + 1?\", \"answer\": \"#### %d\"}\n", i, i + 1);
  gzclose(file);
}

void write_ids(const fs::path& path) {
  const std::string header = R"({"input_ids":{"dtype":"I64","shape":[1,4],"data_offsets":[0,32]}})";
  const auto size = static_cast<uint64_t>(header.size());
  const std::array<int64_t, 4> ids{5, 6, 7, 8};
  std::string bytes(sizeof(size) + header.size() + sizeof(ids), '\0');
  std::memcpy(bytes.data(), &size, sizeof(size));
  std::memcpy(bytes.data() + sizeof(size), header.data(), header.size());
  std::memcpy(bytes.data() + sizeof(size) + header.size(), ids.data(), sizeof(ids));
  write_text(path, bytes);
}

/// A folder as the README's reader has it when it comes to its lines.
void prepare(const TemporaryFolder& folder, const std::string& readme) {
  const auto made = run_gradus({"train", write_recipe(folder), "--run-dir", folder / "made"});
  INFO(made.err);
  REQUIRE(made.exit_code == 0);
  const fs::path model = folder.path() / "DIR";
  fs::rename(folder.path() / "made/final", model);
  write_text(model / "chat_template.jinja",
             "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant: ");
  const auto lora = run_gradus({"train", folder / "recipe.toml", "--run-dir", folder / "lora",
                                "--set", "model.config=", "--set", "model.tokenizer=", "--set",
                                "model.path=" + model.string(), "--set", "model.lora.rank=2"});
  INFO(lora.err);
  REQUIRE(lora.exit_code == 0);
  fs::rename(folder.path() / "lora/final/adapter", folder.path() / "ADAPTERS");
  fs::create_directory_symlink(model, folder.path() / "BASE");
  write_ids(folder.path() / "ids.safetensors");
  write_gzip_rows(folder.path() / "gsm8k_train.jsonl.gz");
  write_gzip_rows(folder.path() / "gsm8k_test.jsonl.gz");
  fs::create_directory_symlink(kSource / "examples", folder.path() / "examples");
  write_text(folder / "short_answers.py", block(readme, "python", "short_answers.py"));
  const std::string own = "[[rewards]]\ntype = \"python\"\nfile = \"short_answers.py:reward\"";
  REQUIRE(readme.find(own) != std::string::npos);
  write_text(folder / "recipe.toml",
             replaced(block(readme, "toml", "recipe.toml"), "HuggingFaceTB/SmolLM2-135M-Instruct",
                      model.string()) +
                 own + "\nweight = 0.5\n");
}

/// What makes a line short enough for a test, by its command.
const std::map<std::string, Words> kShorter{
    {"train",
     {"--set", "run.steps=2", "--set", "rollout.max_tokens=6", "--set", "rl.prompts_per_step=2",
      "--set", "rl.group_size=2", "--set", "eval.data.count=4"}},
    {"launch",
     {"--set", "run.steps=1", "--set", "rollout.max_tokens=6", "--set", "rl.prompts_per_step=2",
      "--set", "rl.group_size=2", "--set", "eval.data.count=4"}},
    {"eval", {"--max-tokens", "6"}},
    {"sample", {"--max-tokens", "6"}},
    {"chat", {"--max-tokens", "6"}}};

}  // namespace

TEST_CASE("every line of the README does what it says", "[cli][readme]") {
  const std::string readme = read_text(kSource / "README.md");
  const TemporaryFolder folder;
  prepare(folder, readme);
  int tried = 0;
  for (Words words : command_lines(readme)) {
    INFO(fmt::format("{}", fmt::join(words, " ")));
    if (words.front() == "./run") {
      CHECK(read_text(kSource / "run").find("command_" + words.at(1) + "()") != std::string::npos);
      continue;
    }
    words.erase(words.begin());
    const bool needs_fetched_model = words.size() > 1 && words[1] == "examples/smollm2/grpo.toml";
    const bool goes_on = words.size() > 1 && words[1] == "--resume";
    if (needs_fetched_model)
      words.insert(words.end(), {"--set", "model.path=DIR", "--set", "model.precision=float32"});
    if (const auto shorter = kShorter.find(words.front()); shorter != kShorter.end() && !goes_on)
      words.insert(words.end(), shorter->second.begin(), shorter->second.end());
    // A server would not end: the line is typed with a setting that it refuses when all else is
    // read.
    const bool is_server = words.front() == "serve";
    if (is_server) words.insert(words.end(), {"--set", "jobs.runing=1"});
    const auto result = run_gradus(words, "Hello\n", folder.path());
    INFO(result.out + result.err);
    CHECK(result.exit_code == (is_server ? 2 : 0));
    if (is_server) CHECK(result.err.find("did you mean") != std::string::npos);
    ++tried;
  }
  CHECK(tried >= 15);
  CHECK(fs::exists(folder.path() / "runs/first/report.html"));
}
