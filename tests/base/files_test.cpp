#include <sys/resource.h>
#include <zlib.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/error.h"
#include "base/files/append_file.h"
#include "base/files/atomic_file.h"
#include "base/files/jsonl.h"
#include "tests/catch.h"

using namespace gradus;
namespace fs = std::filesystem;

namespace {

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "gradus-files-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path_); }
  fs::path operator/(const std::string& name) const { return path_ / name; }
  size_t num_files() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
  }

 private:
  fs::path path_;
};

// Writes past the limit fail as on a full disk.
class FullDisk {
 public:
  explicit FullDisk(rlim_t max_bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    old_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{max_bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, old_);
  }

 private:
  rlimit before_{};
  void (*old_)(int) = SIG_DFL;
};

std::string gzipped(const std::string& text) {
  std::string out(compressBound(text.size()) + 64, '\0');
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string kind_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const FileError& error) {
    return error.kind();
  }
  return "no error";
}

std::vector<std::string> lines_of(const fs::path& path) {
  LineReader reader(path);
  std::vector<std::string> lines;
  while (const auto line = reader.next()) {
    lines.push_back(std::to_string(line->number) + ":" + std::string(line->text));
  }
  return lines;
}

}  // namespace

TEST_CASE("an atomic file appears whole at commit and not before", "[base][file]") {
  const Folder folder;
  write_file_atomically(folder / "a", "old");
  {
    AtomicFile file(folder / "a");
    file.write("ne");
    file.write("w");
    CHECK(file.num_bytes() == 3);
    CHECK(read_file(folder / "a", 100) == "old");
    file.commit();
    CHECK_THROWS_AS(file.write("x"), FileError);
  }
  CHECK(read_file(folder / "a", 100) == "new");
  CHECK((fs::status(folder / "a").permissions() & fs::perms::others_all) == fs::perms::none);
  CHECK(folder.num_files() == 1);
}

TEST_CASE("an atomic file that is not committed leaves nothing behind", "[base][file]") {
  const Folder folder;
  { AtomicFile(folder / "a").write("half"); }
  CHECK(folder.num_files() == 0);
}

TEST_CASE("an atomic file has the old one's permissions, follows links and spares devices",
          "[base][file]") {
  const Folder folder;
  write_file_atomically(folder / "a", "x");
  fs::permissions(folder / "a", fs::perms(0604));
  fs::create_symlink("a", folder / "link");
  write_file_atomically(folder / "link", "y");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(read_file(folder / "a", 10) == "y");
  CHECK(fs::status(folder / "a").permissions() == fs::perms(0604));
  // The machine's /dev/null was once replaced by a file.
  fs::create_symlink("/dev/null", folder / "null");
  write_file_atomically(folder / "null", "z");
  CHECK(fs::is_character_file("/dev/null"));
}

TEST_CASE("a full disk is an error that names the file and leaves the old one", "[base][file]") {
  const Folder folder;
  write_file_atomically(folder / "a", "old");
  {
    const FullDisk disk(1000);
    CHECK(kind_of([&] { write_file_atomically(folder / "a", std::string(5000, 'x')); }) ==
          "disk_full");
    AppendFile log(folder / "log");
    log.append_line(std::string(900, 'x'));
    CHECK(kind_of([&] { log.append_line(std::string(900, 'x')); }) == "disk_full");
  }
  CHECK(read_file(folder / "a", 100) == "old");
  CHECK(folder.num_files() == 2);
}

TEST_CASE("reading names what is wrong with a file", "[base][file]") {
  const Folder folder;
  CHECK(kind_of([&] { read_file(folder / "none", 10); }) == "missing");
  CHECK(kind_of([&] { read_file(folder / "", 10); }) == "not_a_file");
  write_file_atomically(folder / "a", "12345678901");
  CHECK(kind_of([&] { read_file(folder / "a", 10); }) == "too_large");
  CHECK(read_file(folder / "a", 11).size() == 11);
  CHECK(kind_of([&] { AtomicFile(folder / "none/a"); }) == "missing");
}

TEST_CASE("an append file goes on after its lines and can be cut back", "[base][file]") {
  const Folder folder;
  {
    AppendFile file(folder / "m");
    file.append_line("one");
    file.append_line("two");
    file.sync();
    CHECK_THROWS_AS(file.append_line("a\nb"), ArgumentError);
  }
  AppendFile file(folder / "m");
  CHECK(file.num_bytes() == 8);
  file.truncate_to(4);
  file.append_line("three");
  CHECK(read_file(folder / "m", 100) == "one\nthree\n");
  CHECK(kind_of([&] { file.truncate_to(1000); }) == "truncated");
}

TEST_CASE("lines are read with BOM, CRLF, blanks and no final newline", "[base][jsonl]") {
  const Folder folder;
  const std::string text = "\xEF\xBB\xBF{\"a\":1}\r\n\r\n   \n{\"b\":2}\n\nlast";
  const std::vector<std::string> expected{"1:{\"a\":1}", "4:{\"b\":2}", "6:last"};
  write_file_atomically(folder / "plain.jsonl", text);
  write_file_atomically(folder / "packed.jsonl.gz", gzipped(text));
  write_file_atomically(folder / "two.jsonl.gz", gzipped("x\n") + gzipped("y\n"));
  write_file_atomically(folder / "empty.jsonl", "");
  CHECK(lines_of(folder / "plain.jsonl") == expected);
  CHECK(lines_of(folder / "packed.jsonl.gz") == expected);
  CHECK(lines_of(folder / "two.jsonl.gz") == std::vector<std::string>{"1:x", "2:y"});
  CHECK(lines_of(folder / "empty.jsonl").empty());
}

TEST_CASE("a damaged or endless line file is refused", "[base][jsonl]") {
  const Folder folder;
  std::string text;
  for (int i = 0; i < 20000; ++i) text += "{\"row\":" + std::to_string(i * 7919 % 100003) + "}\n";
  const std::string packed = gzipped(text);
  for (const size_t cut : {size_t{5}, packed.size() / 2, packed.size() - 1}) {
    write_file_atomically(folder / "cut.gz", packed.substr(0, cut));
    CHECK(kind_of([&] { lines_of(folder / "cut.gz"); }) == "truncated");
  }
  std::string flipped = packed;
  flipped[flipped.size() - 6] = static_cast<char>(flipped[flipped.size() - 6] ^ 1);
  write_file_atomically(folder / "bad.gz", flipped);
  CHECK(kind_of([&] { lines_of(folder / "bad.gz"); }) == "corrupt");
  write_file_atomically(folder / "not.gz", text);
  CHECK(kind_of([&] { lines_of(folder / "not.gz"); }) == "corrupt");
  write_file_atomically(folder / "long", std::string(5000, 'x'));
  CHECK(kind_of([&] { LineReader(folder / "long", 4999).next(); }) == "line_too_long");
  CHECK(LineReader(folder / "long", 5000).next()->text.size() == 5000);
  CHECK(kind_of([&] { LineReader(folder / ""); }) == "not_a_file");
  CHECK(kind_of([&] { LineReader(folder / "none"); }) == "missing");
}
