// Every message that processes send each other, as plain structs: a closed variant, visited without
// a default.
//
// clang-format off
//   generator ── CatalogMade, Script, Barrier, End ──► applier, verifier
//                (CatalogMade reaches the applier through the verifier)
//   applier   ── Ready, Outcome, Settled, BarrierReached ──► verifier
//   listener  ── Join, Hello, Commit, Position, Misfit, Quarantined, RowsReply,
//                Leave ──► verifier
//   verifier  ── Attach, Accepted, Quarantine, RowsRequest, Leave ──► listener
//   verifier  ── Credit, Finish ──► generator
//   verifier  ── CatalogMade, BarrierRelease ──► applier
//   verifier  ── Verdict ──► everybody
//   everybody ── Status, Failure ──► launcher
//                (without a launcher Failure goes to the verifier)
// clang-format on
//
// Bodies of fixed shape are protobuf (proto/lockstep.proto); Script and RowsReply follow tables and
// are MessagePack.
#ifndef LOCKSTEP_WIRE_MESSAGE_H_
#define LOCKSTEP_WIRE_MESSAGE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "model/catalog.h"
#include "model/digest.h"
#include "model/error.h"
#include "model/ids.h"
#include "model/lsn.h"
#include "model/operation.h"
#include "model/outcome.h"
#include "model/output_plugin.h"
#include "model/row.h"
#include "model/verdict.h"

namespace lockstep::wire {

// The catalog and the options that made the workload.
struct CatalogMade {
  model::Catalog catalog;
  std::uint64_t seed = 0;
  // Set by the verifier where it cannot read the WAL: the applier reads the WAL position around
  // each COMMIT.
  bool bracket_commits = false;
  friend bool operator==(const CatalogMade&, const CatalogMade&);  // compares relations by value
};

// Schema, session rows and publication are there; a listener may attach.
struct Ready {
  std::string postgres_version;
  friend bool operator==(const Ready&, const Ready&) = default;
};

struct Join {
  std::string listener;
  std::string plugin;     // one of model::OutputPlugins()
  model::LossSet losses;  // what it cannot show on this server
  friend bool operator==(const Join&, const Join&) = default;
};

struct Attach {
  std::string schema;
  std::string publication;
  friend bool operator==(const Attach&, const Attach&) = default;
};

// Attached: the replica holds the rows of the slot's consistent point.
struct Hello {
  std::string listener;
  std::string plugin;
  std::string slot;
  model::Lsn consistent_point;
  model::Digest digest;
  // Tables, without schema, whose truncation it cannot see: the plugin does not send it and there
  // is no trigger.
  std::vector<std::string> blind_tables;
  friend bool operator==(const Hello&, const Hello&) = default;
};

// A point where every session pauses while the verifier opens its snapshot of the source. Numbered
// from 1.
struct Barrier {
  std::uint64_t number = 0;
  friend bool operator==(const Barrier&, const Barrier&) = default;
};

// All outcomes before the barrier have been sent, and their commits end at or below `lsn`.
struct BarrierReached {
  std::uint64_t number = 0;
  model::Lsn lsn;
  friend bool operator==(const BarrierReached&, const BarrierReached&) = default;
};

struct BarrierRelease {
  std::uint64_t number = 0;
  friend bool operator==(const BarrierRelease&, const BarrierRelease&) = default;
};

// The generator has no more scripts. The last Barrier came just before.
struct End {
  std::uint64_t scripts = 0;
  std::uint64_t barriers = 0;
  model::Digest workload_hash;
  model::Digest digest;  // of the generator's own model after all scripts
  // What the scripts contain, counted by name (generator/situations.h); zeros are listed.
  std::vector<std::pair<std::string, std::uint64_t>> situations = {};
  std::uint64_t committed = 0;  // of the scripts, by the generator's own model
  friend bool operator==(const End&, const End&) = default;
};

// Every script whose commit ends at or below `lsn` has had its Outcome sent before this message; an
// unknown commit there is foreign.
struct Settled {
  model::Lsn lsn;
  friend bool operator==(const Settled&, const Settled&) = default;
};

// A transaction was applied to the replica.
struct Commit {
  model::Xid xid;
  model::Lsn end_lsn;
  model::Digest digest;          // of the replica after it
  model::Digest changes_digest;  // of its ordered changes (model/change_digest.h)
  std::uint32_t changes = 0;
  // Changes to tables of the run. 0: a foreign commit, counted and not judged.
  std::uint32_t run_changes = 0;
  friend bool operator==(const Commit&, const Commit&) = default;
};

// Every commit with end_lsn <= `received` that this listener will ever report has been reported
// before this message.
struct Position {
  model::Lsn received;
  model::Lsn confirmed;  // what Postgres was told it may forget
  friend bool operator==(const Position&, const Position&) = default;
};

// A change did not fit the replica; the listener stops applying.
struct Misfit {
  model::Xid xid;
  model::Lsn end_lsn;
  std::string table;    // without schema
  std::string message;  // says operation, table and key
  model::Row key;       // the key of the change; empty when there is none
  friend bool operator==(const Misfit&, const Misfit&) = default;
};

// The table was truncated, which the listener cannot have seen: it is to be followed no longer.
struct Quarantine {
  std::string table;  // without schema
  friend bool operator==(const Quarantine&, const Quarantine&) = default;
};

// Every commit reported after this message comes from a replica in which the table is empty, and
// stays so.
struct Quarantined {
  std::string table;   // without schema
  model::Lsn end_lsn;  // the last commit reported before
  std::string reason;
  friend bool operator==(const Quarantined&, const Quarantined&) = default;
};

// From a listener: it ends here, and has reported every commit with end_lsn <= `received`.
// To a listener: it was given up, and is judged no longer; it may end and join anew.
struct Leave {
  std::string listener;
  model::Lsn received;
  friend bool operator==(const Leave&, const Leave&) = default;
};

// No more scripts are wanted: the last Barrier and End are to come now.
struct Finish {
  friend bool operator==(const Finish&, const Finish&) = default;
};

// Commits up to `lsn` have been judged (or are safe with the verifier): the listener may confirm
// and forget them.
struct Accepted {
  model::Lsn lsn;
  friend bool operator==(const Accepted&, const Accepted&) = default;
};

struct RowAddress {
  std::string table;  // without schema
  model::Row key;
  friend bool operator==(const RowAddress&, const RowAddress&) = default;
};

// Asks for the rows as they were just after the commit at `end_lsn`: those named, and those the
// commit touched.
struct RowsRequest {
  model::Lsn end_lsn;
  std::vector<RowAddress> rows;
  friend bool operator==(const RowsRequest&, const RowsRequest&) = default;
};

struct RowsReply {
  struct Item {
    RowAddress address;
    std::optional<model::Row> row;  // nullopt: absent
    friend bool operator==(const Item&, const Item&) = default;
  };
  model::Lsn end_lsn;
  std::vector<Item> rows;
  friend bool operator==(const RowsReply&, const RowsReply&) = default;
};

// Totals since the start of the run, so that a lost or repeated message does no harm: the generator
// may have sent at most so many scripts, and so many bytes of scripts, or one script more than the
// bytes allow.
struct Credit {
  std::uint64_t scripts = 0;
  std::uint64_t bytes = 0;
  friend bool operator==(const Credit&, const Credit&) = default;
};

// What a process shows the user about itself. Names are fixed by the sender, e.g. {"transactions",
// 1200}.
struct Status {
  std::string process;  // "generator", "listener-2", ...
  std::vector<std::pair<std::string, std::uint64_t>> counters;
  friend bool operator==(const Status&, const Status&) = default;
};

// The process cannot go on.
struct Failure {
  std::string process;
  model::Error error;
  friend bool operator==(const Failure&, const Failure&) = default;
};

using Message = std::variant<CatalogMade, Ready, Join, Attach, Hello, model::Script, Barrier,
                             BarrierReached, BarrierRelease, End, model::Outcome, Settled, Commit,
                             Position, Misfit, Accepted, RowsRequest, RowsReply, Credit, Status,
                             Failure, model::Verdict, Quarantine, Quarantined, Leave, Finish>;

}  // namespace lockstep::wire

#endif  // LOCKSTEP_WIRE_MESSAGE_H_
