// The rules of docs/architecture.md that a reader of one file can check: who includes what, how
// long files and lines are, guards, opening comments, and that tests mirror the tree.
//
// Pure functions over a path (from the top of the checkout, "model/row.h") and a text, so that each
// rule is tested to find its violation. tests/tidy_test.cc runs them all over the checkout.
#ifndef LOCKSTEP_TESTS_TIDY_RULES_H_
#define LOCKSTEP_TESTS_TIDY_RULES_H_

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep::tidy {

struct Violation {
  std::string path;
  int line = 0;  // from 1; 0: the file as a whole
  std::string message;
  friend bool operator==(const Violation&, const Violation&) = default;
};

// "path:line: message", as compilers print it.
std::string ToString(const Violation& violation);

using Violations = std::vector<Violation>;
using Paths = std::set<std::string, std::less<>>;

// A folder includes its own files and those of the folders below it (design, 3); nobody includes
// another process's folder, nobody but tests includes tests. Our includes are written from the top
// of the checkout.
Violations CheckOwnIncludes(std::string_view path, std::string_view text);

// Each foreign library is known to one folder (and to its tests): libpq to postgres/, ZeroMQ and
// MessagePack to wire/, generated protobuf to wire/ and the decoderbufs decoder, nlohmann to
// launcher/ and report/, CLI11 to main.cc and options files.
Violations CheckForeignIncludes(std::string_view path, std::string_view text);

// At most 800 lines a file and 100 columns a line; no tabs, no blanks at the end, a newline at the
// end of the file.
Violations CheckLayout(std::string_view path, std::string_view text);

// A header's guard is named by its path: LOCKSTEP_MODEL_ROW_H_.
Violations CheckHeaderGuard(std::string_view path, std::string_view text);

// A header opens with a comment that says what it is for, and so does a source without a header of
// its own (a main.cc), outside tests. `paths`: every file of the checkout.
Violations CheckOpeningComment(std::string_view path, std::string_view text, const Paths& paths);

// tests/<folder>/<file>_test.cc, or <file>_<aspect>_test.cc, tests <folder>/<file>.h or .cc, or a
// helper beside itself. The folders named by what they do (integration, simulation, fuzz, compose)
// have no such file.
Violations CheckTestMirrorsTree(std::string_view path, const Paths& paths);

// Build files list their sources: glob( adds what nobody decided to add.
Violations CheckNoGlob(std::string_view path, std::string_view text);

// Each name in SQL of ours says its schema (tests/tidy/sql_names.h). Not looked at: tests,
// benchmarks and tools, whose servers are their own, and the generator, whose texts are values.
Violations CheckSqlNames(std::string_view path, std::string_view text);

// Every rule that applies to a file of this name.
Violations CheckFile(std::string_view path, std::string_view text, const Paths& paths);

}  // namespace lockstep::tidy

#endif  // LOCKSTEP_TESTS_TIDY_RULES_H_
