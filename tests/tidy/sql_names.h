// The rule that SQL of ours names what it means: each function, table and type with its schema, so
// that nobody's search path and nobody's function of the same name can change a statement.
//
// Sessions of ours have search_path = pg_catalog besides (postgres/session_settings.h); this keeps
// a statement right where a path is set for a while, and on a connection that somebody else made.
//
// What is read: the string literals of a file, neighbours as one. What a literal says is SQL where
// a word of SQL in capitals stands in it. Names that are put in for {} are not seen.
#ifndef LOCKSTEP_TESTS_TIDY_SQL_NAMES_H_
#define LOCKSTEP_TESTS_TIDY_SQL_NAMES_H_

#include <string>
#include <string_view>
#include <vector>

namespace lockstep::tidy {

// A string literal, escapes as they are written.
struct Literal {
  int line = 0;  // where it begins, from 1
  std::string text;
  friend bool operator==(const Literal&, const Literal&) = default;
};
std::vector<Literal> LiteralsOf(std::string_view text);

struct UnqualifiedName {
  int line = 0;
  std::string name;
  std::string what;  // "function", "table", "type"
  friend bool operator==(const UnqualifiedName&, const UnqualifiedName&) = default;
};
// In SQL of the file: f( that is no special form and no alias, a name behind FROM, JOIN,
// INSERT INTO, UPDATE or TABLE that is none of the file's WITH, and a type behind :: that is none
// of the grammar's own.
std::vector<UnqualifiedName> FindUnqualifiedNames(std::string_view text);

}  // namespace lockstep::tidy

#endif  // LOCKSTEP_TESTS_TIDY_SQL_NAMES_H_
