#pragma once

#ifdef GRADUS_GLOO

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>
#include <vector>

#include "rl/parallel/c10d.h"

namespace gradus::rl {

/// How ranks find each other; for c10d.cpp and c10d_watch.cpp alone.

/// What a rank tells the others of itself when it joins.
struct Joined {
  int size = 0;
  std::string host;
  std::string process;
  std::string version;

  std::string text() const;
  static Joined of(const std::string& text);
};

/// "rank 2 (host, process 17)"
std::string name_of(int rank, const Joined& joined);

std::chrono::milliseconds ms(double seconds);
std::vector<uint8_t> bytes_of(const std::string& text);
std::string text_of(const std::vector<uint8_t>& bytes);
/// The first line of what LibTorch throws: the rest is its own call stack.
std::string first_line(const std::exception& error);

/// A connection with the store, whose keys begin with run and restart: nobody reads those of ranks
/// that are dead. @param serves  this process is the store. @throws PeerError
c10::intrusive_ptr<c10d::Store> connect(const RankPlace& place, bool serves, double timeout_s);

/// [R] who has joined; waits for all. @throws PeerError, ConfigError  as join_ranks says.
std::vector<Joined> meet(c10d::Store& store, const RankPlace& place, double timeout_s,
                         const SayLine& say);

/// The network to speak over. @throws ConfigError
std::shared_ptr<gloo::transport::Device> device_of(const RankPlace& place,
                                                   const ClusterConfig& config,
                                                   const std::vector<Joined>& all);

}  // namespace gradus::rl

#endif
