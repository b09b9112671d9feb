// What is known of each table so far, and what differs: becomes the result. Pure, without I/O.
#ifndef LOCKSTEP_AUDITOR_LEDGER_H_
#define LOCKSTEP_AUDITOR_LEDGER_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "auditor/comparison.h"
#include "auditor/last_writers.h"
#include "model/change.h"
#include "model/database.h"
#include "model/exclusion.h"
#include "model/lsn.h"
#include "model/relation.h"
#include "postgres/relation_reader.h"
#include "replication/replica.h"
#include "report/audit_result.h"

namespace lockstep::auditor {

class Ledger {
 public:
  // More differences than this are counted only.
  static constexpr std::size_t kMaxDifferences = 100;
  // Of an excuse.
  static constexpr std::size_t kMaxExamples = 3;

  Ledger(std::string id, std::string plugin) {
    result_.id = std::move(id);
    result_.plugin = std::move(plugin);
  }

  // The tables are followed from `lsn` on, under whose snapshot they were copied. Those that were
  // followed before and are not among them are gone.
  void OnAttached(const model::Database& replica, model::Lsn lsn);
  // A table that is there and is not followed.
  void OnExcluded(const postgres::TableName& table, const model::Exclusion& why);
  // All tables were followed up to `lsn`, and are read anew; OnAttached follows.
  void OnResync(model::Lsn lsn, std::string reason);
  // The same of one; it may be one that was not followed yet. OnCopied follows, OnGone, or
  // nothing more, and it stays excluded.
  void OnNeedsResync(const postgres::TableName& table, model::Lsn lsn, std::string reason);
  // The statement behind that, at `lsn`: "ALTER TABLE". May be told again.
  void OnStatement(const postgres::TableName& table, model::Lsn lsn, const std::string& tag);
  // One is followed from `lsn` on, under whose snapshot it was copied.
  void OnCopied(const model::Relation& relation, model::Lsn lsn);
  // One that was made since is followed from `lsn` on, where it was empty.
  void OnJoined(const model::Relation& relation, model::Lsn lsn);
  // One that was followed, or was to be read anew, is there no longer.
  void OnGone(const postgres::TableName& table, model::Lsn lsn);
  void OnTransaction(const model::Transaction& transaction);
  // What differs in it may be a fault or not, and cannot be told: the audit is inconclusive.
  void OnExcused(const ComparedTable& compared, const model::Relation& relation,
                 const LastWriters& writers, model::Lsn checkpoint, const std::string& reason);
  void OnExcusedMisfit(const model::Transaction& transaction, const model::Relation& relation,
                       const replication::Misfit& misfit, const std::string& reason);
  // The same, and the table cannot be judged any longer.
  void OnUndecided(const model::Relation& relation, const std::string& reason);
  // A change did not fit the table's replica, though its form is the table's: it differs.
  void OnMisfit(const model::Transaction& transaction, const model::Relation& relation,
                const replication::Misfit& misfit);
  // Tables are compared.
  void OnCheckpoint();
  // One of them, as of `checkpoint`: its mismatches are faults.
  void OnTableCompared(const ComparedTable& compared, const model::Relation& relation,
                       const LastWriters& writers, model::Lsn checkpoint);
  void OnSkipped(std::string reason) {
    ++result_.skipped_checkpoints;
    result_.skipped_reason = std::move(reason);
  }

  // Grows with each thing that the user is told at once: a difference, a table read anew.
  std::uint64_t news() const { return result_.differences.size() + tables_read_anew_; }
  report::AuditResult& result() { return result_; }
  // With its tables.
  report::AuditResult Result() const;

 private:
  using TableName = std::pair<std::string, std::string>;
  struct Entry {
    report::AuditedTable table;
    bool is_followed = false;
    // Changes since its rows were read or compared: proven by the next comparison, or not at all.
    report::UnprovenChanges pending;
  };
  // Of a table that is met for the first time too.
  Entry& EntryOf(const std::string& schema, const std::string& name);
  report::AuditedTable& TableOf(const model::Relation& relation) {
    return EntryOf(relation.schema, relation.name).table;
  }
  static void SetExcluded(report::AuditedTable& table, const model::Exclusion& why);
  static void GiveUpPending(Entry& entry, const std::string& reason);
  static std::vector<report::AuditDifference> DifferencesOf(const ComparedTable& compared,
                                                            const model::Relation& relation,
                                                            const LastWriters& writers,
                                                            model::Lsn checkpoint);
  static report::AuditDifference DifferenceOf(const model::Transaction& transaction,
                                              const model::Relation& relation,
                                              const replication::Misfit& misfit);
  void AddDifference(report::AuditDifference difference);
  void CountDifferences(const model::Relation& relation, std::uint64_t count);

  report::AuditResult result_;
  std::uint64_t tables_read_anew_ = 0;
  std::map<TableName, Entry> tables_;
  // Rows that were found to differ, by table: the most at one comparison, and misfits.
  std::map<TableName, std::uint64_t> difference_counts_;
  // Of the change before. Held, so that its address stays its own.
  model::RelationPtr last_relation_;
  Entry* last_entry_ = nullptr;
};

}  // namespace lockstep::auditor

#endif  // LOCKSTEP_AUDITOR_LEDGER_H_
