#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <thread>

#include "base/error.h"
#include "base/files/append_file.h"
#include "base/files/atomic_file.h"
#include "base/files/contained_file.h"
#include "base/files/file_descriptor.h"
#include "base/files/jsonl.h"
#include "base/json.h"
#include "tests/catch.h"
#include "tests/support/file_error.h"
#include "tests/support/temporary_folder.h"

using namespace gradus;
using gradus::tests::file_error_kind;
using gradus::tests::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

void make_socket(const fs::path& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.string().copy(address.sun_path, sizeof(address.sun_path) - 1);
  REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  ::close(fd);
}

std::string all_lines(const fs::path& path) {
  LineReader reader(path);
  std::string text;
  while (const auto line = reader.next()) text += std::string(line->text) + ";";
  return text;
}

/// Interrupts system calls of this thread, which are not begun again by themselves.
class Interruptions {
 public:
  Interruptions() {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    ::sigaction(SIGALRM, &action, &before_);
    const itimerval often{{0, 500}, {0, 500}};
    ::setitimer(ITIMER_REAL, &often, nullptr);
  }
  ~Interruptions() {
    const itimerval never{};
    ::setitimer(ITIMER_REAL, &never, nullptr);
    ::sigaction(SIGALRM, &before_, nullptr);
  }

 private:
  struct sigaction before_ {};
};

}  // namespace

TEST_CASE("a pipe, socket or device in a file's place is refused at once", "[base][file][fault]") {
  const TemporaryFolder folder;
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  make_socket(folder / "socket");
  fs::create_symlink("/dev/zero", folder / "device");
  fs::create_symlink("/dev/stdin", folder / "input");
  for (const char* name : {"pipe", "socket", "device"}) {
    INFO(name);
    const fs::path path = folder / name;
    CHECK(file_error_kind([&] { read_file(path, 100); }) == "not_a_file");
    CHECK(file_error_kind([&] { read_json(path); }) == "not_a_file");
    CHECK(file_error_kind([&] { LineReader reader(path); }) == "not_a_file");
    CHECK(file_error_kind([&] { AppendFile file(path); }) == "not_a_file");
    CHECK(file_error_kind([&] { open_file(path, O_RDWR | O_CREAT); }) == "not_a_file");
  }
  // A link's name was not chosen by who started the program.
  if (!fs::is_regular_file("/dev/stdin")) {
    CHECK(file_error_kind([&] { read_file(folder / "input", 100); }) == "not_a_file");
  }
  CHECK(file_error_kind([&] { AtomicFile file(folder / "pipe"); }) ==
        "open_failed");  // nobody reads
  CHECK(file_error_kind([&] { AtomicFile file(folder / "socket"); }) == "not_a_file");
}

TEST_CASE("open descriptors and the empty device are read and written", "[base][file]") {
  const TemporaryFolder folder;
  CHECK(read_file("/dev/null", 10).empty());
  CHECK_NOTHROW(write_file_atomically("/dev/null", "x"));
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  std::jthread writer([&] {
    write_all(ends[1], std::as_bytes(std::span(std::string_view("a\nb\n"))), "pipe");
    ::close(ends[1]);
  });
  CHECK(all_lines("/dev/fd/" + std::to_string(ends[0])) == "a;b;");
  ::close(ends[0]);
  CHECK(file_error_kind([] { read_file("/dev/shm/../zero", 10); }) == "not_a_file");
  // A pipe that somebody reads takes output.
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  const int reader = ::open((folder / "pipe").c_str(), O_RDONLY | O_NONBLOCK);
  write_file_atomically(folder / "pipe", "text");
  char text[8] = {};
  CHECK(::read(reader, text, sizeof(text)) == 4);
  ::close(reader);
}

TEST_CASE("signals do not lose lines of a pipe, nor end what is being written", "[base][file]") {
  const TemporaryFolder folder;
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  std::jthread writer([&] {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);  // the reader is interrupted
    for (int i = 0; i < 40; ++i) {
      const std::string line = std::to_string(i) + "\n";
      write_all(ends[1], std::as_bytes(std::span(line)), "pipe");
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    ::close(ends[1]);
  });
  const Interruptions interruptions;
  std::string wanted;
  for (int i = 0; i < 40; ++i) wanted += std::to_string(i) + ";";
  CHECK(all_lines("/dev/fd/" + std::to_string(ends[0])) == wanted);
  ::close(ends[0]);
  for (int i = 0; i < 50; ++i) {
    write_file_atomically(folder / "a", std::string(10000, 'x'));
    AppendFile(folder / "log").truncate_to(0);
  }
  CHECK(read_file(folder / "a", 20000).size() == 10000);
}

TEST_CASE("links out of a folder are refused, those of the hub's cache are not",
          "[base][file][fault]") {
  const TemporaryFolder outside;
  const TemporaryFolder folder;
  outside.write("secret", "x");
  folder.write("own", "x");
  fs::create_symlink(outside / "secret", folder / "merges.txt");
  fs::create_symlink("own", folder / "alias");
  fs::create_symlink(outside / "nowhere", folder / "dangling");
  CHECK(file_error_kind([&] { check_stays_inside(folder / "merges.txt"); }) == "link_outside");
  CHECK(file_error_kind([&] { check_stays_inside(folder / "alias"); }) == "none");
  CHECK(file_error_kind([&] { check_stays_inside(folder / "own"); }) == "none");
  CHECK(file_error_kind([&] { check_stays_inside(folder / "dangling"); }) == "none");
  fs::create_directories(folder / "blobs");
  fs::create_directories(folder / "snapshots/1");
  folder.write("blobs/2", "x");
  fs::create_symlink("../../blobs/2", folder / "snapshots/1/a");
  fs::create_symlink("../../own", folder / "snapshots/1/b");
  CHECK(file_error_kind([&] { check_stays_inside(folder / "snapshots/1/a"); }) == "none");
  CHECK(file_error_kind([&] { check_stays_inside(folder / "snapshots/1/b"); }) == "link_outside");
}

TEST_CASE("a pointer of git-lfs is said to be one, whatever it stands for", "[base][file][fault]") {
  const TemporaryFolder folder;
  const fs::path pointer = folder.write("a.json",
                                        "version https://git-lfs.github.com/spec/v1\n"
                                        "oid sha256:00\nsize 1234\n");
  CHECK(file_error_kind([&] { read_json(pointer); }) == "lfs_pointer");
  CHECK(file_error_kind([&] { LineReader reader(pointer); }) == "lfs_pointer");
}
