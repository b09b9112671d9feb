// The replication slots of a server, with whose they are as far as names and sessions tell, and
// what Lockstep made in a database.
#ifndef LOCKSTEP_POSTGRES_SLOT_LIST_H_
#define LOCKSTEP_POSTGRES_SLOT_LIST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/error.h"
#include "postgres/connection.h"

namespace lockstep::postgres {

// A slot that Lockstep made.
struct SlotOwner {
  // The run's id and its schema and publication: "lockstep_" and eight hex digits. Empty: none, as
  // for a slot that a plugin is tried on.
  std::string run = {};
  std::string listener = {};  // its number or id; what the slot is for where there is no run

  friend bool operator==(const SlotOwner&, const SlotOwner&) = default;
};

// By the name that Lockstep gave it: lockstep_<8 hex digits>_<listener>, lockstep_preflight_<...>,
// lockstep_probe_<...>. nullopt: not one of these. Others may have chosen the same prefix, so more
// than a prefix is asked for.
std::optional<SlotOwner> OwnerByName(std::string_view slot);

struct ListedSlot {
  std::string name;
  // By its name, or by the application_name of the session that reads it ("lockstep <listener>").
  std::optional<SlotOwner> owner;
  bool named_by_us = false;  // the owner is known by the name
  std::string plugin;        // empty: physical
  std::string database;      // empty: physical
  bool temporary = false;
  bool active = false;
  int pid = 0;                 // of the session that reads it; 0: none
  std::string application;     // its application_name
  std::string inactive_since;  // empty: active, or a server before 17, which does not tell
  std::optional<std::int64_t> inactive_s;
  // To the server's write position; nullopt where the slot has no such LSN.
  std::optional<std::int64_t> lag_bytes;       // what its reader has not confirmed
  std::optional<std::int64_t> held_wal_bytes;  // what the server keeps for it
  std::string wal_status;                      // reserved, extended, unreserved, lost
  // Of a slot of a run, in the database that is connected to: its schema is there.
  std::optional<bool> run_exists;
};

// What is in the database that is connected to, with the SQL that removes it.
struct LeftObject {
  std::string kind;  // "schema", "publication"; "truncation log"
  std::string name;
  std::string removal;
  friend bool operator==(const LeftObject&, const LeftObject&) = default;
};

struct SlotList {
  std::string database;
  int server_version = 0;
  std::vector<ListedSlot> slots;  // by name
  // Schemas and publications of runs and audits that have no slot (any more).
  std::vector<LeftObject> left;
  // The log of truncations that stays. Who reads it cannot be told.
  std::vector<LeftObject> logs;
};

model::Result<SlotList> ListSlots(Connection& connection);

}  // namespace lockstep::postgres

#endif  // LOCKSTEP_POSTGRES_SLOT_LIST_H_
