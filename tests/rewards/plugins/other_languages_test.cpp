// Rules that are commands, shared libraries and Lua files: their forms and their faults.

#include "base/error.h"
#include "tests/catch.h"
#include "tests/rewards/plugins/plugin_files.h"

using namespace gradus;
using namespace gradus::rewards;
using nlohmann::json;

namespace {

const char* const kCommand = R"(
import json, os, sys, time
out = os.fdopen(int(sys.argv[1]), "w", buffering=1)
for line in sys.stdin:
    r = json.loads(line)
    if "samples" in r:
        out.write(json.dumps({"nonce": r["nonce"], "scores": [len(s["completion"]) for s in r["samples"]]}) + "\n")
        continue
    c, n = r["completion"], r["nonce"]
    if c == "nan": out.write('{"nonce": "%s", "score": NaN}\n' % n); continue
    if c == "text": out.write("hello\n"); continue
    if c == "forged": out.write('{"nonce": "0000000000000000:0", "score": 9}\n')
    if c == "string": out.write(json.dumps({"nonce": n, "score": "1"}) + "\n"); continue
    if c == "none": out.write(json.dumps({"nonce": n, "score": None, "reason": "no gold"}) + "\n"); continue
    if c == "refused": out.write(json.dumps({"nonce": n, "error": "no way"}) + "\n"); continue
    if c == "die": print("bye", file=sys.stderr); os._exit(3)
    if c == "hang": time.sleep(100)
    if c == "twice": out.write(json.dumps({"nonce": n, "score": 1}) + "\n")
    out.write(json.dumps({"nonce": n, "score": len(c), "details": {"row": r["row"]}}) + "\n")
)";

json command(const PluginFolder& folder, const std::string& descriptor) {
  return {{"command", {"python3", folder.add("rule.py", kCommand), descriptor}},
          {"timeout_s", 10.0}};
}

}  // namespace

TEST_CASE("a command answers lines of JSON", "[rewards][plugins][command]") {
  const PluginFolder folder;
  const auto rule = make_rule("command", command(folder, "3"));
  const auto grades = grades_of(*rule, {"abc", "none", "refused", "string", ""}, {{"x", 1}});
  CHECK(grades[0].value == 3.0);
  CHECK(grades[0].details.at("row") == json{{"x", 1}});
  CHECK(grades[1].outcome == GradeOutcome::skipped);
  CHECK(grades[1].reason == "no gold");
  CHECK(grades[2].reason == "no way");
  CHECK_THAT(grades[3].reason, Catch::Contains("sent no number: \"1\""));
  CHECK(grades[4].value == 0.0);
  json batch = command(folder, "3");
  batch["batch"] = true;
  CHECK(grades_of(*make_rule("command", batch), {"a", "bb"})[1].value == 2.0);
  json by_output = command(folder, "1");
  by_output["replies"] = "stdout";
  CHECK(grades_of(*make_rule("command", by_output), {"a", "bb"})[1].value == 2.0);
}

TEST_CASE("a command's faults are those of one completion", "[rewards][plugins][command]") {
  const PluginFolder folder;
  json options = command(folder, "3");
  options["timeout_s"] = 1.5;
  const auto rule = make_rule("command", options);
  const auto grades =
      grades_of(*rule, {"a", "die", "bb", "nan", "ccc", "text", "forged", "hang", "dddd"});
  for (const size_t i : {0U, 2U, 4U, 8U}) {
    CAPTURE(i, grades[i].reason);
    CHECK(grades[i].outcome == GradeOutcome::scored);
  }
  CHECK(grades[8].value == 4.0);
  CHECK(grades[1].reason == "the plug-in's process exited with status 3; its last words: bye");
  CHECK_THAT(grades[3].reason, Catch::Contains("no reply to this call") && Catch::Contains("NaN"));
  CHECK_THAT(grades[5].reason,
             Catch::Contains("no reply to this call") && Catch::Contains("hello"));
  CHECK_THAT(grades[6].reason, Catch::Contains("no reply to this call"));
  CHECK(grades[7].outcome == GradeOutcome::timed_out);
  // A line too many breaks the next call, which is then answered by a fresh process.
  CHECK(grades_of(*rule, {"twice"})[0].outcome == GradeOutcome::scored);
  CHECK(grades_of(*rule, {"aa"})[0].value == 2.0);
}

TEST_CASE("a command that cannot be is refused before the run", "[rewards][plugins][command]") {
  CHECK_THROWS_WITH(make_rule("command", json::object()), Catch::Contains("command: is empty"));
  CHECK_THROWS_AS(make_rule("command", {{"command", {"no-such-program-here"}}}), ConfigError);
  CHECK_THROWS_AS(make_rule("command", {{"command", {"/no/such/program"}}}), FileError);
  CHECK_THROWS_WITH(make_rule("command", {{"command", {"python3", "/no/such/rule.py"}}}),
                    Catch::StartsWith("/no/such/rule.py: is no file; it is named by ") &&
                        Catch::EndsWith(": command"));
  CHECK_THROWS_WITH(make_rule("command", {{"command", {"cat"}}, {"read", {"/no/such/place"}}}),
                    Catch::EndsWith(": read: /no/such/place does not exist"));
  CHECK_THROWS_WITH(make_rule("command", {{"command", {"cat"}}, {"environment", {"NO_SUCH_KEY"}}}),
                    Catch::EndsWith(": environment: NO_SUCH_KEY is not set"));
}

TEST_CASE("a rule whose file changes in mid-run does not grade by the new one",
          "[rewards][plugins][command]") {
  const PluginFolder folder;
  const auto rule = make_rule("command", command(folder, "3"));
  CHECK(grades_of(*rule, {"a"})[0].value == 1.0);
  folder.add("rule.py", std::string(kCommand) + "# changed\n");
  CHECK(grades_of(*rule, {"die"})[0].outcome == GradeOutcome::failed);
  CHECK_THAT(grades_of(*rule, {"a"})[0].reason, Catch::Contains("has changed since the run began"));
}

TEST_CASE("a shared library grades in a process of its own", "[rewards][plugins][library]") {
  const auto rule =
      make_rule("library", {{"file", GRADUS_TEST_LIBRARY}, {"options", {{"plus", 10}}}});
  const json messages = json::array({{{"role", "user"}, {"content", "Hi"}}});
  const auto grades = grades_of(
      *rule, {"abc", "crash", "skip", "nan", "fail", "ungraded", "chat", "row", "ids", "ab"},
      {{"answer", "x"}}, &messages);
  CHECK(grades[0].value == 13.0);
  CHECK_THAT(grades[1].reason, Catch::Contains("killed by signal 11"));
  CHECK(grades[2].outcome == GradeOutcome::skipped);
  CHECK_THAT(grades[3].reason, Catch::Contains("returned nan, must be finite"));
  CHECK(grades[4].reason == "this one failed");
  CHECK(grades[5].reason == "the library left the sample ungraded");
  CHECK(grades[6].value == 10.0 + static_cast<double>(messages.dump().size()));
  CHECK(grades[7].value == 10.0 + static_cast<double>(std::string(R"({"answer":"x"})").size()));
  CHECK(grades[8].value == 10.0 + 15.0);
  CHECK(grades[9].value == 12.0);
  const auto batch = make_rule("library", {{"file", GRADUS_TEST_LIBRARY}, {"batch", true}});
  CHECK(grades_of(*batch, {"abc", "ab"})[1].value == 2.0);
}

TEST_CASE("a library that is none is refused before the run", "[rewards][plugins][library]") {
  const PluginFolder folder;
  CHECK_THROWS_WITH(make_rule("library", {{"file", folder.add("x.so", "no library")}}),
                    Catch::Contains("cannot be loaded"));
  CHECK_THROWS_WITH(
      make_rule("library", {{"file", GRADUS_TEST_LIBRARY}, {"options", {{"refuse", true}}}}),
      Catch::Contains("gradus_reward_open refused: as told"));
}

TEST_CASE("a Lua function grades with counted work and bounded memory", "[rewards][plugins][lua]") {
  const PluginFolder folder;
  const std::string file = folder.add("rule.lua", R"lua(
function reward(s)
  local c = s.completion
  if c == "hang" then while true do end end
  if c == "sly" then while true do pcall(function() while true do end end) end end
  if c == "memory" then local t = {} while true do t[#t + 1] = ("x"):rep(1000000) .. #t end end
  if c == "nan" then return 0/0 end
  if c == "inf" then return math.huge end
  if c == "text" then return "1" end
  if c == "table" then return {} end
  if c == "error" then error("bad luck") end
  if c == "escape" then return (os == nil and io == nil and require == nil and load == nil and
                                math.random == nil and debug == nil and string.dump == nil) and 1 or 0 end
  if c == "row" then return s.row.list[2] + s.row.n.deep + #s.completion_ids end
  if c == "deep" then local function f(n) return f(n + 1) + 1 end return f(1) end
  return #c
end
function batch(list)
  local out = {}
  for i, s in ipairs(list) do out[i] = #s.completion end
  if list[1].completion == "few" then out[#out] = nil end
  return out
end
)lua");
  const auto rule = make_rule("lua", {{"file", file}, {"memory_mb", 256}, {"timeout_s", 60.0}});
  const json row{{"list", {1, 2.5}}, {"n", {{"deep", 4}}}, {"null", nullptr}};
  const auto grades = grades_of(*rule,
                                {"abc", "hang", "sly", "memory", "nan", "inf", "text", "table",
                                 "error", "escape", "row", "deep", "ab"},
                                row);
  CHECK(grades[0].value == 3.0);
  CHECK_THAT(grades[1].reason, Catch::Contains("more than max_instructions = 100 million"));
  CHECK_THAT(grades[2].reason, Catch::Contains("more than max_instructions"));
  CHECK_THAT(grades[3].reason, Catch::Contains("not enough memory"));
  CHECK_THAT(grades[4].reason, Catch::Contains("nan, must be finite"));
  CHECK_THAT(grades[5].reason, Catch::Contains("inf, must be finite"));
  CHECK_THAT(grades[6].reason, Catch::Contains("returned a string"));
  CHECK_THAT(grades[7].reason, Catch::Contains("returned a table"));
  CHECK_THAT(grades[8].reason, Catch::Contains("rule.lua:11: bad luck"));
  CHECK(grades[9].value == 1.0);
  CHECK(grades[10].value == 8.5);
  CHECK_THAT(grades[11].reason, Catch::Contains("stack overflow"));
  CHECK(grades[12].value == 2.0);
  const auto batch = make_rule("lua", {{"file", file}, {"function", "batch"}, {"batch", true}});
  CHECK(grades_of(*batch, {"a", "bb"})[1].value == 2.0);
  CHECK_THAT(grades_of(*batch, {"few", "bb"})[1].reason,
             Catch::Contains("1 values for 2 completions"));
}

TEST_CASE("work in coroutines and in the libraries of Lua is counted", "[rewards][plugins][lua]") {
  const PluginFolder folder;
  const std::string file = folder.add("work.lua", R"lua(
function reward(s)
  local c = s.completion
  local endless = function() while true do end end
  if c == "coroutine" then coroutine.resume(coroutine.create(endless)) end
  if c == "wrapped" then pcall(coroutine.wrap(endless)) end
  if c == "many" then
    while true do coroutine.wrap(function() for i = 1, 300 do end end)() end
  end
  if c == "swallowed" then pcall(endless) end
  if c == "move" then table.move({}, 1, 1000000000, 2) end
  if c == "find" then
    local text = string.rep("a", 4000000)
    while true do text:find("b", 1, true) end
  end
  if c == "text" then
    local text = string.rep("a", 4000000)
    while true do local more = text .. "b" end
  end
  if c == "name" then string.find() end
  if c == "finalizer" then setmetatable({}, {__gc = endless}) end
  local generator = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
  local parts = {}
  for part in string.gmatch("a,b,c", "[^,]+") do parts[#parts + 1] = part end
  table.insert(parts, 1, "x")
  table.sort(parts, function(a, b) return a > b end)
  return generator() + generator() + (table.concat(parts) == "xcba" and 1 or 0) +
         #table.move(parts, 1, 4, 2) + select("#", table.unpack(parts)) + utf8.len("äb")
end
)lua");
  const auto rule = make_rule("lua", {{"file", file}, {"timeout_s", 60.0}});
  for (const char* name : {"coroutine", "wrapped", "many", "swallowed", "move", "find", "text"}) {
    CAPTURE(name);
    const Grade grade = grades_of(*rule, {name}).at(0);
    CHECK(grade.outcome == GradeOutcome::failed);
    CHECK_THAT(grade.reason, Catch::Contains("more than max_instructions = 100 million"));
  }
  CHECK_THAT(grades_of(*rule, {"name"}).at(0).reason,
             Catch::Contains("bad argument #1 to 'string.find'") ||
                 Catch::Contains("bad argument #1 to 'find'"));
  CHECK_THAT(grades_of(*rule, {"finalizer"}).at(0).reason, Catch::Contains("__gc"));
  CHECK(grades_of(*rule, {"fine"}).at(0).value == 3 + 1 + 5 + 5 + 2);
}

TEST_CASE("a Lua file that does not load is an error before the run", "[rewards][plugins][lua]") {
  const PluginFolder folder;
  CHECK_THROWS_WITH(make_rule("lua", {{"file", folder.add("a.lua", "function reward( return 1")}}),
                    Catch::Contains("a.lua:1:"));
  CHECK_THROWS_WITH(make_rule("lua", {{"file", folder.add("b.lua", "x = 1")}}),
                    Catch::Contains("has no function reward"));
  CHECK_THROWS_WITH(make_rule("lua", {{"file", folder.add("c.lua", "while true do end")}}),
                    Catch::Contains("max_instructions"));
  CHECK_THROWS_AS(make_rule("lua", {{"file", "/no/such.lua"}}), FileError);
}
