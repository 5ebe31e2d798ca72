// Hosts a Lua 5.4 file: string, table, math (without chance), utf8 and coroutine, nothing that
// reaches files, programs, time or native code; work and memory counted (lua_budget.h).

#include <cmath>
#include <cstdlib>
#include <lua.hpp>
#include <memory>
#include <string>

#include "rewards/sandbox/helper/lua_budget.h"
#include "rewards/sandbox/helper/plugin_host.h"

namespace gradus::rewards::sandbox {
namespace {

using nlohmann::json;

// What follows runs inside lua_pcall: a Lua error leaves by longjmp, so that no object with a
// destructor may be alive in these frames.

void push_json(lua_State* lua, const json& value) {
  luaL_checkstack(lua, 8, "too deeply nested");
  switch (value.type()) {
    case json::value_t::boolean:
      return lua_pushboolean(lua, value.get<bool>());
    case json::value_t::number_integer:
      return lua_pushinteger(lua, value.get<lua_Integer>());
    case json::value_t::number_unsigned:
      if (value.get<uint64_t>() <= static_cast<uint64_t>(LUA_MAXINTEGER)) {
        return lua_pushinteger(lua, static_cast<lua_Integer>(value.get<uint64_t>()));
      }
      return lua_pushnumber(lua, value.get<double>());
    case json::value_t::number_float:
      return lua_pushnumber(lua, value.get<double>());
    case json::value_t::string: {
      const std::string& text = value.get_ref<const std::string&>();
      lua_pushlstring(lua, text.data(), text.size());
      return;
    }
    case json::value_t::array:
      lua_createtable(lua, static_cast<int>(value.size()), 0);
      for (size_t i = 0; i < value.size(); ++i) {
        push_json(lua, value[i]);
        lua_rawseti(lua, -2, static_cast<lua_Integer>(i + 1));
      }
      return;
    case json::value_t::object:
      lua_createtable(lua, 0, static_cast<int>(value.size()));
      for (auto it = value.cbegin(); it != value.cend(); ++it) {
        lua_pushlstring(lua, it.key().data(), it.key().size());
        push_json(lua, it.value());
        lua_rawset(lua, -3);
      }
      return;
    default:
      return lua_pushnil(lua);
  }
}

void push_sample(lua_State* lua, const HostSample& sample) {
  push_json(lua, *sample.sample);
  for (auto it = sample.context->cbegin(); it != sample.context->cend(); ++it) {
    lua_pushlstring(lua, it.key().data(), it.key().size());
    push_json(lua, it.value());
    lua_rawset(lua, -3);
  }
}

/// (light userdata: the samples) -> one value, and a reason
int call_single(lua_State* lua) {
  const auto* samples = static_cast<const std::vector<HostSample>*>(lua_touserdata(lua, 1));
  lua_getfield(lua, LUA_REGISTRYINDEX, "gradus.function");
  push_sample(lua, samples->front());
  lua_call(lua, 1, 2);
  return 2;
}

/// (light userdata: the samples) -> a list
int call_batch(lua_State* lua) {
  const auto* samples = static_cast<const std::vector<HostSample>*>(lua_touserdata(lua, 1));
  lua_getfield(lua, LUA_REGISTRYINDEX, "gradus.function");
  lua_createtable(lua, static_cast<int>(samples->size()), 0);
  for (size_t i = 0; i < samples->size(); ++i) {
    push_sample(lua, (*samples)[i]);
    lua_rawseti(lua, -2, static_cast<lua_Integer>(i + 1));
  }
  lua_call(lua, 1, 1);
  if (!lua_istable(lua, -1)) {
    luaL_error(lua, "returned %s, must be a list", luaL_typename(lua, -1));
  }
  return 1;
}

int remove_names(lua_State* lua, const char* library, std::initializer_list<const char*> names) {
  lua_getglobal(lua, library);
  for (const char* name : names) {
    lua_pushnil(lua);
    lua_setfield(lua, -2, name);
  }
  lua_pop(lua, 1);
  return 0;
}

int open_libraries(lua_State* lua) {
  luaL_requiref(lua, LUA_GNAME, luaopen_base, 1);
  luaL_requiref(lua, LUA_STRLIBNAME, luaopen_string, 1);
  luaL_requiref(lua, LUA_TABLIBNAME, luaopen_table, 1);
  luaL_requiref(lua, LUA_MATHLIBNAME, luaopen_math, 1);
  luaL_requiref(lua, LUA_UTF8LIBNAME, luaopen_utf8, 1);
  luaL_requiref(lua, LUA_COLIBNAME, luaopen_coroutine, 1);
  // Files, bytecode (which can break the interpreter), and what differs from call to call.
  remove_names(lua, LUA_GNAME, {"dofile", "loadfile", "load", "collectgarbage"});
  remove_names(lua, LUA_STRLIBNAME, {"dump"});
  remove_names(lua, LUA_MATHLIBNAME, {"random", "randomseed"});
  count_library_work(lua);
  return 0;
}

// An error may be any value. It names its line by itself; a traceback would fill the reason.
int as_text(lua_State* lua) {
  luaL_tolstring(lua, 1, nullptr);
  return 1;
}

// --- outside of lua_pcall ------------------------------------------------------------------------

class LuaHost final : public PluginHost {
 public:
  void load(const json& request) override {
    is_batch_ = request.value("batch", false);
    lua_.reset();
    budget_ = std::make_unique<LuaBudget>(request.at("memory_bytes").get<uint64_t>(),
                                          request.at("max_instructions").get<uint64_t>());
    lua_.reset(budget_->new_state());
    if (!lua_) throw std::runtime_error("not enough memory for a Lua state");
    const std::string source = request.at("source").get<std::string>();
    const std::string name = "=" + request.at("name").get<std::string>();
    const std::string function = request.at("function").get<std::string>();
    lua_pushcfunction(state(), open_libraries);
    run(0, 0);
    if (luaL_loadbufferx(state(), source.data(), source.size(), name.c_str(), "t") != LUA_OK) {
      throw std::runtime_error(pop_text());
    }
    run(0, 0);
    if (lua_getglobal(state(), function.c_str()) != LUA_TFUNCTION) {
      throw std::runtime_error("has no function " + function);
    }
    lua_setfield(state(), LUA_REGISTRYINDEX, "gradus.function");
  }

  std::vector<json> grade(const std::vector<HostSample>& samples) override {
    lua_settop(state(), 0);
    lua_pushcfunction(state(), is_batch_ ? call_batch : call_single);
    lua_pushlightuserdata(state(), const_cast<std::vector<HostSample>*>(&samples));
    run(1, is_batch_ ? 1 : 2);
    std::vector<json> scores;
    if (!is_batch_) {
      scores.push_back(score_at(-2));
      if (lua_type(state(), -1) == LUA_TSTRING) {
        scores.back() = {{"score", scores.back()}, {"reason", lua_tostring(state(), -1)}};
      }
      return scores;
    }
    const auto length = static_cast<lua_Integer>(lua_rawlen(state(), -1));
    // One more than fits is enough to be told that the count is wrong.
    for (lua_Integer i = 1; i <= length && i <= static_cast<lua_Integer>(samples.size()) + 1; ++i) {
      lua_rawgeti(state(), -1, i);
      scores.push_back(score_at(-1));
      lua_pop(state(), 1);
    }
    return scores;
  }

 private:
  struct Closer {
    void operator()(lua_State* lua) const { lua_close(lua); }
  };

  lua_State* state() { return lua_.get(); }

  /// Calls the function below `num_arguments`, with a full budget. A call that used it up has
  /// failed, whether or not its code or a coroutine swallowed the error.
  void run(int num_arguments, int num_results) {
    const int handler = lua_gettop(state()) - num_arguments;
    lua_pushcfunction(state(), as_text);
    lua_insert(state(), handler);
    budget_->start(state());
    const int status = lua_pcall(state(), num_arguments, num_results, handler);
    budget_->stop();
    lua_remove(state(), handler);
    if (budget_->is_exhausted()) {
      lua_settop(state(), 0);
      throw std::runtime_error("used more than max_instructions = " +
                               std::to_string(budget_->work_limit() / 1'000'000) + " million");
    }
    if (status != LUA_OK) throw std::runtime_error(pop_text());
  }

  std::string pop_text() {
    const char* text = lua_tostring(state(), -1);
    std::string out = text != nullptr ? text : "an error without a text";
    lua_settop(state(), 0);
    return out.substr(0, 2000);
  }

  json score_at(int index) {
    switch (lua_type(state(), index)) {
      case LUA_TNIL:
        return nullptr;
      case LUA_TNUMBER:
        return finite_score(lua_tonumber(state(), index));
      default:
        return {{"error", std::string("returned a ") + luaL_typename(state(), index) +
                              ", must be a number or nil"}};
    }
  }

  bool is_batch_ = false;
  std::unique_ptr<LuaBudget> budget_;
  std::unique_ptr<lua_State, Closer> lua_;
};

}  // namespace

int serve_lua() {
  LuaHost host;
  return serve_plugin(host);
}

}  // namespace gradus::rewards::sandbox
