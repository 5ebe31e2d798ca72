#pragma once

#include <functional>
#include <string>

namespace gradus {

/// Starts threads where the system may refuse one (a limit of processes, or no memory for a stack).
///
/// @param who     begins the error. @param wanted  threads in all, those that run already included.
/// @param start   starts them, one by one.
/// @param give_up called when `start` threw: lets those that were started end and says how many of
///                `wanted` there were; joining threads that wait for work would hang.
/// @throws gradus::Error  the system refused: who, how many there were, what to do.
void start_threads(const std::string& who, int wanted, const std::function<void()>& start,
                   const std::function<int()>& give_up);

}  // namespace gradus
