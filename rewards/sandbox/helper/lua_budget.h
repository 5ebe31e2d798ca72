#pragma once

#include <cstddef>
#include <cstdint>

struct lua_Debug;
struct lua_State;

namespace gradus::rewards::sandbox {

/// What one call of Lua may use. Work is counted, not timed, so that the same input is stopped at
/// the same place on every machine:
///
///   one for an instruction, for 16 bytes of new memory, and for a value or 16 bytes that a
///   function of the libraries passes over (find, move, sort, ...); 1,000 for a coroutine
///
/// What is not counted: how often a pattern tries anew, and comparing long texts. Finalizers would
/// not be either (Lua runs them without hooks), so that there are none.
class LuaBudget {
 public:
  LuaBudget(uint64_t bytes, uint64_t work) : bytes_limit_(bytes), work_limit_(work) {}

  /// A state whose memory comes from this budget, which must outlive it; null: not enough memory.
  lua_State* new_state();

  /// Gives the call that follows all of its work.
  void start(lua_State* lua);
  void stop() { is_counting_ = false; }

  /// True once the call has used its work up, whatever its code made of the error.
  bool is_exhausted() const { return is_exhausted_; }
  uint64_t work_limit() const { return work_limit_; }

  /// Takes work; a Lua error where there is none left. Inside lua_pcall alone.
  void spend(lua_State* lua, uint64_t work);

  static LuaBudget& of(lua_State* lua);

 private:
  static void* allocate(void* user, void* old, size_t old_size, size_t size);
  static void count(lua_State* lua, lua_Debug*);
  bool take(uint64_t work);

  uint64_t bytes_limit_;
  uint64_t work_limit_;
  uint64_t bytes_used_ = 0;
  uint64_t work_left_ = 0;
  bool is_counting_ = false;
  bool is_exhausted_ = false;
};

/// Puts counting functions in the place of those of the open libraries whose work depends on their
/// arguments, and refuses metatables with __gc. Inside lua_pcall alone.
void count_library_work(lua_State* lua);

}  // namespace gradus::rewards::sandbox
