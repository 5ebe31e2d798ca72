#include "rewards/sandbox/helper/lua_budget.h"

#include <algorithm>
#include <cstdlib>
#include <lua.hpp>

namespace gradus::rewards::sandbox {
namespace {

constexpr int kInstructionsPerCheck = 1'000;
constexpr uint64_t kBytesPerWork = 16;

uint64_t span_work(lua_Integer first, lua_Integer last) {
  return last < first ? 0 : static_cast<uint64_t>(last) - static_cast<uint64_t>(first) + 1;
}

/// Texts that are looked through, and nothing else.
uint64_t text_work(lua_State* lua) {
  size_t bytes = 0;
  for (int i = 1; i <= std::min(lua_gettop(lua), 2); ++i) {
    if (lua_type(lua, i) == LUA_TSTRING) bytes += lua_rawlen(lua, i);
  }
  return bytes / kBytesPerWork;
}

/// table.move(from, first, last, ...)
uint64_t move_work(lua_State* lua) {
  return span_work(lua_tointeger(lua, 2), lua_tointeger(lua, 3));
}

/// All of a list, or what two numbers at the end bound.
uint64_t list_work(lua_State* lua) {
  const auto size = static_cast<lua_Integer>(lua_rawlen(lua, 1));
  const int top = lua_gettop(lua);
  const bool is_bounded = top >= 3 && lua_isinteger(lua, top) && lua_isinteger(lua, top - 1);
  return is_bounded ? span_work(lua_tointeger(lua, top - 1), lua_tointeger(lua, top))
                    : static_cast<uint64_t>(size);
}

/// Values that an insertion or a removal in the middle moves.
uint64_t shift_work(lua_State* lua) {
  if (!lua_isinteger(lua, 2)) return 0;
  return span_work(lua_tointeger(lua, 2), static_cast<lua_Integer>(lua_rawlen(lua, 1)));
}

uint64_t sort_work(lua_State* lua) {
  const uint64_t size = lua_rawlen(lua, 1);
  uint64_t levels = 1;
  for (uint64_t rest = size; rest > 1; rest /= 2) ++levels;
  return size * levels;
}

uint64_t coroutine_work(lua_State*) {
  return kInstructionsPerCheck;  // what it may run before its first check
}

struct CountedFunction {
  const char* library;
  const char* name;
  uint64_t (*work)(lua_State*);
};

constexpr CountedFunction kCounted[] = {
    {LUA_STRLIBNAME, "find", text_work},     {LUA_STRLIBNAME, "match", text_work},
    {LUA_STRLIBNAME, "gmatch", text_work},   {LUA_STRLIBNAME, "gsub", text_work},
    {LUA_STRLIBNAME, "byte", text_work},     {LUA_STRLIBNAME, "unpack", text_work},
    {LUA_UTF8LIBNAME, "len", text_work},     {LUA_UTF8LIBNAME, "codepoint", text_work},
    {LUA_UTF8LIBNAME, "offset", text_work},  {LUA_TABLIBNAME, "move", move_work},
    {LUA_TABLIBNAME, "concat", list_work},   {LUA_TABLIBNAME, "unpack", list_work},
    {LUA_TABLIBNAME, "insert", shift_work},  {LUA_TABLIBNAME, "remove", shift_work},
    {LUA_TABLIBNAME, "sort", sort_work},     {LUA_COLIBNAME, "create", coroutine_work},
    {LUA_COLIBNAME, "wrap", coroutine_work},
};

/// Upvalues: the function of the library, its line of kCounted.
int call_counted(lua_State* lua) {
  const auto* counted =
      static_cast<const CountedFunction*>(lua_touserdata(lua, lua_upvalueindex(2)));
  LuaBudget::of(lua).spend(lua, counted->work(lua));
  lua_pushvalue(lua, lua_upvalueindex(1));
  lua_insert(lua, 1);
  lua_call(lua, lua_gettop(lua) - 1, LUA_MULTRET);
  return lua_gettop(lua);
}

/// Upvalue: setmetatable of the library.
int set_plain_metatable(lua_State* lua) {
  if (lua_istable(lua, 2)) {
    lua_pushliteral(lua, "__gc");
    if (lua_rawget(lua, 2) != LUA_TNIL) luaL_error(lua, "finalizers (__gc) are not there");
    lua_pop(lua, 1);
  }
  lua_pushvalue(lua, lua_upvalueindex(1));
  lua_insert(lua, 1);
  lua_call(lua, lua_gettop(lua) - 1, LUA_MULTRET);
  return lua_gettop(lua);
}

/// Errors name a function by its place in the list of loaded libraries: the originals stay there,
/// in a copy of each library that Lua code does not see.
void keep_names(lua_State* lua, const char* library) {
  luaL_getsubtable(lua, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_newtable(lua);
  lua_getglobal(lua, library);
  for (lua_pushnil(lua); lua_next(lua, -2) != 0; lua_pop(lua, 1)) {
    lua_pushvalue(lua, -2);
    lua_pushvalue(lua, -2);
    lua_rawset(lua, -6);
  }
  lua_pop(lua, 1);
  lua_setfield(lua, -2, library);
  lua_pop(lua, 1);
}

}  // namespace

lua_State* LuaBudget::new_state() {
  return lua_newstate(allocate, this);
}

LuaBudget& LuaBudget::of(lua_State* lua) {
  void* user = nullptr;
  lua_getallocf(lua, &user);
  return *static_cast<LuaBudget*>(user);
}

void LuaBudget::start(lua_State* lua) {
  work_left_ = work_limit_;
  is_exhausted_ = false;
  is_counting_ = true;
  lua_sethook(lua, count, LUA_MASKCOUNT, kInstructionsPerCheck);
}

bool LuaBudget::take(uint64_t work) {
  if (!is_counting_) return true;
  if (work >= work_left_) is_exhausted_ = true;
  work_left_ -= std::min(work, work_left_);
  return !is_exhausted_;
}

void LuaBudget::spend(lua_State* lua, uint64_t work) {
  if (take(work)) return;
  // From now on every instruction fails: a pcall of the code cannot swallow the end.
  lua_sethook(lua, count, LUA_MASKCOUNT, 1);
  luaL_error(lua, "used more than max_instructions = %d million",
             static_cast<int>(work_limit_ / 1'000'000));
}

void LuaBudget::count(lua_State* lua, lua_Debug*) {
  of(lua).spend(lua, static_cast<uint64_t>(lua_gethookcount(lua)));
}

void* LuaBudget::allocate(void* user, void* old, size_t old_size, size_t size) {
  auto& budget = *static_cast<LuaBudget*>(user);
  if (old == nullptr) old_size = 0;  // then it is a kind of object, not a size
  if (size == 0) {
    std::free(old);
    budget.bytes_used_ -= old_size;
    return nullptr;
  }
  if (size > old_size) {
    if (budget.bytes_used_ + (size - old_size) > budget.bytes_limit_) return nullptr;
    // One instruction may copy a long text: no memory is the only error that can be given here.
    if (!budget.take(size / kBytesPerWork)) return nullptr;
  }
  void* block = std::realloc(old, size);
  if (block != nullptr) budget.bytes_used_ += size - old_size;
  return block;
}

void count_library_work(lua_State* lua) {
  for (const char* library : {LUA_STRLIBNAME, LUA_TABLIBNAME, LUA_UTF8LIBNAME, LUA_COLIBNAME}) {
    keep_names(lua, library);
  }
  lua_getglobal(lua, "setmetatable");
  lua_pushcclosure(lua, set_plain_metatable, 1);
  lua_setglobal(lua, "setmetatable");
  for (const CountedFunction& counted : kCounted) {
    lua_getglobal(lua, counted.library);
    lua_getfield(lua, -1, counted.name);
    lua_pushlightuserdata(lua, const_cast<CountedFunction*>(&counted));
    lua_pushcclosure(lua, call_counted, 2);
    lua_setfield(lua, -2, counted.name);
    lua_pop(lua, 1);
  }
}

}  // namespace gradus::rewards::sandbox
