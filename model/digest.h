// Digests of a state: equal states have equal digests, on every machine and in every run with the
// same rows.
//
// A table's digest is its row count and the 128-bit *sum* of keyed hashes (XXH3, 128 bits) of its
// canonical rows: a row is added and taken away in constant time, and unlike with xor a row that
// stands twice does not vanish. A database's digest is the sum of H(table name, row count, table
// sum). No xid and no OID goes in.
#ifndef LOCKSTEP_MODEL_DIGEST_H_
#define LOCKSTEP_MODEL_DIGEST_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "model/error.h"

namespace lockstep::model {

struct Digest {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  Digest& operator+=(Digest other);
  Digest& operator-=(Digest other);
  friend bool operator==(Digest, Digest) = default;
};

// 32 lower-case hex digits.
std::string ToString(Digest digest);
Result<Digest> ParseDigest(std::string_view text);

Digest HashBytes(std::string_view bytes);

struct TableDigest {
  std::uint64_t rows = 0;
  Digest sum;

  void Add(std::string_view row_bytes);
  void Remove(std::string_view row_bytes);
  friend bool operator==(const TableDigest&, const TableDigest&) = default;
};

// What a table adds to its database's digest. `table_name` is without the schema, which differs
// from run to run.
Digest HashTable(std::string_view table_name, const TableDigest& table);

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_DIGEST_H_
