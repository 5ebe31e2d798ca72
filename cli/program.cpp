#include "cli/program.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/failure_text.h"
#include "base/settings/nearest_name.h"
#include "base/version.h"
#include "cli/printable_stream.h"
#include "cli/registry.h"

namespace gradus::cli {
namespace {

int report(Session& session, const std::string& message, int code) {
  session.err << "gradus: " << message << std::endl;
  return code;
}

// CLI11 knows what was not expected, but not what was meant.
void check_command_names(const CLI::App& root, int argc, const char* const* argv) {
  const CLI::App* app = &root;
  for (int i = 1; i < argc && argv[i][0] != '-'; ++i) {
    std::vector<std::string> names;
    const CLI::App* next = nullptr;
    for (const CLI::App* sub : app->get_subcommands([](const CLI::App*) { return true; })) {
      if (sub->get_name() == argv[i]) next = sub;
      names.push_back(sub->get_name());
    }
    if (names.empty()) return;
    if (next == nullptr) {
      const auto nearest = nearest_name(argv[i], names);
      throw ArgumentError("there is no command `" + std::string(argv[i]) + "`" +
                          (nearest ? "; did you mean `" + *nearest + "`?" : "; see gradus --help"));
    }
    app = next;
  }
}

int parse_and_run(CLI::App& root, int argc, const char* const* argv, Session& session) {
  try {
    check_command_names(root, argc, argv);
    root.parse(argc, argv);
    session.out.flush();
    return session.exit_code;
  } catch (const CLI::ParseError& error) {
    const bool asked_for_help = error.get_exit_code() == 0;
    const int code = root.exit(error, session.out, session.err);
    return asked_for_help ? code : kBadRequest;
  }
}

}  // namespace

namespace {

int run_command(int argc, const char* const* argv, Session& session) {
  try {
    CLI::App root{
        "Gradus makes a language model checkpoint better at reasoning by reinforcement learning.",
        "gradus"};
    root.set_version_flag("--version", std::string("gradus ") + kVersion);
    root.require_subcommand(1);
    add_commands(Command(&root), session);
    return parse_and_run(root, argc, argv, session);
  } catch (const ConfigError& error) {
    return report(session, error.what(), kBadRequest);
  } catch (const ArgumentError& error) {
    return report(session, error.what(), kBadRequest);
  } catch (const std::exception& error) {
    return report(session, failure_text(error), kFailed);
  }
}

}  // namespace

int run_program(int argc, const char* const* argv, Session& session) {
  PrintableStream out(session.out);
  PrintableStream err(session.err);
  Session printable{session.in,
                    out,
                    err,
                    session.stop,
                    session.in_is_terminal,
                    session.out_is_terminal,
                    session.err_is_terminal,
                    0,
                    session.wants_checkpoint,
                    session.on_interrupt,
                    &session.err,
                    &session.out};
  const int code = run_command(argc, argv, printable);
  session.exit_code = printable.exit_code;
  return code;
}

}  // namespace gradus::cli
