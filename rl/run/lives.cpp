#include "rl/run/lives.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace gradus::rl {
namespace {

constexpr size_t kLineBytes = 128;
constexpr std::chrono::milliseconds kBeatEvery{20};

std::string life_line(const Life& life) {
  std::string line =
      fmt::format(R"({{"life":{},"pid":{},"begun":{:.3f},"lasted":{:.3f},"is_over":{}}})",
                  life.number, life.pid, life.begun, life.lasted, life.is_over);
  line.resize(kLineBytes - 1, ' ');
  return line + "\n";
}

std::optional<Life> parse_life(const std::string& line) {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  try {
    return Life{json.at("life").get<int64_t>(), json.at("pid").get<int64_t>(),
                json.at("begun").get<double>(), json.at("lasted").get<double>(),
                json.at("is_over").get<bool>()};
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

}  // namespace

std::vector<Life> read_lives(const std::filesystem::path& path) {
  std::vector<Life> lives;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (auto life = parse_life(line)) lives.push_back(*life);
  return lives;
}

LifeKeeper::LifeKeeper(const std::filesystem::path& path, const Clock& clock, double begun_s)
    : clock_(clock), begun_s_(begun_s), before_(read_lives(path)) {
  life_.number = before_.empty() ? 0 : before_.back().number + 1;
  life_.pid = ::getpid();
  life_.begun = clock.wall_s() - age_s();
  try {
    file_ = open_file(path, O_WRONLY | O_CREAT);
  } catch (const FileError&) {
    return;
  }
  write(false);
  thread_ = std::jthread([this](const std::stop_token& stop) { beat(stop); });
}

LifeKeeper::~LifeKeeper() {
  if (thread_.joinable()) {
    thread_.request_stop();
    thread_.join();
  }
  write(true);
}

void LifeKeeper::beat(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  while (!wake.wait_for(lock, stop, kBeatEvery, [] { return false; }) && !stop.stop_requested())
    write(false);
}

void LifeKeeper::write(bool is_over) {
  if (!file_.is_open()) return;
  life_.lasted = age_s();
  life_.is_over = is_over;
  const std::string line = life_line(life_);
  const auto place = static_cast<off_t>(static_cast<size_t>(life_.number) * kLineBytes);
  [[maybe_unused]] const ssize_t written =
      uninterrupted([&] { return ::pwrite(file_.get(), line.data(), line.size(), place); });
}

}  // namespace gradus::rl
