#include "rewards/sandbox/helper/plugin_host.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cmath>

#include "rewards/sandbox/launch_plan.h"

namespace gradus::rewards::sandbox {
namespace {

using nlohmann::json;

/// Lines from kRequests.
class RequestReader {
 public:
  bool next(std::string& line) {
    for (;;) {
      const size_t newline = buffer_.find('\n', searched_);
      if (newline != std::string::npos) {
        line.assign(buffer_, 0, newline);
        buffer_.erase(0, newline + 1);
        searched_ = 0;
        return true;
      }
      searched_ = buffer_.size();
      std::array<char, 65536> bytes;
      const ssize_t count = ::read(kRequests, bytes.data(), bytes.size());
      if (count == 0 || (count < 0 && errno != EINTR)) return false;
      if (count > 0) buffer_.append(bytes.data(), static_cast<size_t>(count));
    }
  }

 private:
  std::string buffer_;
  size_t searched_ = 0;
};

void send(const json& reply) {
  const std::string line = reply.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  for (size_t done = 0; done < line.size();) {
    const ssize_t count = ::write(kReplies, line.data() + done, line.size() - done);
    if (count < 0 && errno != EINTR) ::_exit(1);
    if (count > 0) done += static_cast<size_t>(count);
  }
}

std::vector<HostSample> samples_of(const json& request) {
  std::vector<HostSample> samples;
  for (const json& sample : request.at("samples")) {
    const size_t context = sample.at("context").get<size_t>();
    samples.push_back({&request.at("contexts").at(context), &sample});
  }
  return samples;
}

void answer_singly(PluginHost& host, const std::string& nonce,
                   const std::vector<HostSample>& samples) {
  for (size_t i = 0; i < samples.size(); ++i) {
    json reply{{"nonce", nonce + ":" + std::to_string(i)}};
    try {
      reply["score"] = host.grade({samples[i]}).at(0);
    } catch (const std::exception& error) {
      reply["score"] = {{"error", error.what()}};
    }
    send(reply);
  }
}

}  // namespace

int serve_plugin(PluginHost& host) {
  // What a library starts gets neither the channel nor a view of what it says.
  ::prctl(PR_SET_DUMPABLE, 0);
  for (const int fd : {kReplies, kRequests}) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  RequestReader reader;
  bool is_batch = false;
  for (std::string line; reader.next(line);) {
    const json request = json::parse(line, nullptr, false);
    if (!request.is_object() || !request.contains("nonce")) return 2;
    json reply{{"nonce", request["nonce"]}};
    try {
      if (request.contains("load")) {
        is_batch = request["load"].value("batch", false);
        host.load(request["load"]);
        reply["loaded"] = json::object();
      } else if (is_batch) {
        reply["scores"] = host.grade(samples_of(request));
      } else {
        answer_singly(host, request["nonce"].get<std::string>(), samples_of(request));
        continue;
      }
    } catch (const std::exception& error) {
      reply["error"] = error.what();
    }
    send(reply);
  }
  return 0;
}

json finite_score(double value) {
  if (std::isfinite(value)) return value;
  const char* shown = std::isnan(value) ? "nan" : (value > 0 ? "inf" : "-inf");
  return {{"error", std::string("returned ") + shown + ", must be finite"}};
}

}  // namespace gradus::rewards::sandbox
