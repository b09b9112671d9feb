// A referee and a run of a few transactions, told message by message.
#ifndef LOCKSTEP_TESTS_VERIFIER_REFEREE_FIXTURE_H_
#define LOCKSTEP_TESTS_VERIFIER_REFEREE_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/change_digest.h"
#include "model/execute.h"
#include "model/type_oid.h"
#include "verifier/referee.h"

namespace lockstep::verifier {

using model::Lsn;
using model::TransactionId;
using model::VerdictKind;
using model::Xid;

inline constexpr const char* kSchema = "run";

// "t": a int4 key, b text; and the session table.
inline model::Catalog MakeCatalog() {
  model::Catalog catalog{.schema = kSchema, .sessions = 2, .tables = {}};
  catalog.tables.push_back(model::MakeSessionRelation(kSchema));
  catalog.tables.push_back(std::make_shared<const model::Relation>(
      model::Relation{.schema = kSchema,
                      .name = "t",
                      .columns = {{"a", model::type_oid::kInt4, "integer", true},
                                  {"b", model::type_oid::kText, "text", false}},
                      .key = {0}}));
  return catalog;
}

inline model::Row KeyRow(std::int64_t key) { return model::MakeRow({key}); }
inline model::Row TRow(std::int64_t key, const char* text) {
  return model::MakeRow({key, model::Text{text}});
}

// A run of a few transactions, each an insert of its id into "t" that ends at LSN 100 * id with xid
// 700 + id. The test says who says what when; a model beside it knows the right digests.
class RefereeTest : public ::testing::Test {
 protected:
  explicit RefereeTest(std::size_t listeners = 2)
      : RefereeTest(
            RefereeOptions{.listeners = listeners, .window = {.scripts = 8, .bytes = 1'000'000}}) {}
  explicit RefereeTest(const RefereeOptions& options) : truth_(catalog_.tables), referee_(options) {
    for (std::uint32_t session = 1; session <= catalog_.sessions; ++session) {
      truth_.Write(0, KeyRow(session), model::MakeSessionRow({session}, {0}));
    }
    initial_ = truth_.digest();
  }

  void Say(const std::string& peer, wire::Message message, std::size_t bytes = 10) {
    referee_.OnMessage(peer, std::move(message), bytes);
    referee_.Advance();
  }
  // Up to the first credit.
  void Begin(int listeners = 1) {
    Say("generator", wire::CatalogMade{catalog_, 7});
    referee_.OnCommitOrder(model::CommitOrderSource::kWal);
    Say("applier", wire::Ready{"15.20"});
    for (int i = 1; i <= listeners; ++i) Join("l" + std::to_string(i));
    for (int i = 1; i <= listeners; ++i) Greet("l" + std::to_string(i));
  }
  void Join(const std::string& listener) { Say(listener, wire::Join{listener, "decoderbufs", {}}); }
  void Greet(const std::string& listener) { GreetAt(listener, Lsn{10}, initial_); }
  void GreetAt(const std::string& listener, Lsn consistent_point, model::Digest digest) {
    Say(listener, wire::Hello{listener, "decoderbufs", "slot", consistent_point, digest, {}});
  }
  // Its copy is that after the transaction.
  void GreetAfter(const std::string& listener, std::uint64_t id) {
    GreetAt(listener, EndOf(id), digests_.at(id - 1));
  }

  model::Script ScriptOf(std::uint64_t id) const {
    return {TransactionId{id},
            SessionOf(id),
            {model::InsertRow{1, TRow(static_cast<std::int64_t>(id), "x")}}};
  }
  virtual model::SessionId SessionOf(std::uint64_t id) const {
    return model::SessionId{static_cast<std::uint32_t>(id % 2) + 1};
  }
  static Xid XidOf(std::uint64_t id) { return Xid{static_cast<std::uint32_t>(700 + id)}; }
  static Lsn EndOf(std::uint64_t id) { return Lsn{100 * id}; }

  void Script(std::uint64_t id) { Say("generator", ScriptOf(id)); }
  model::Outcome OutcomeOf(std::uint64_t id, std::uint32_t rows = 1) const {
    return {.id = TransactionId{id},
            .session = SessionOf(id),
            .xid = model::FullXid{700 + id},
            .fate = model::Fate::kCommitted,
            .effects = {{rows, XidOf(id), ""}}};
  }
  void Outcome(std::uint64_t id) { Say("applier", OutcomeOf(id)); }
  // As Postgres's log says it, up to its end.
  void WalHas(std::uint64_t id) {
    const model::CommitRecord record{XidOf(id), EndOf(id)};
    referee_.OnCommitRecords({&record, 1}, EndOf(id));
    referee_.Advance();
  }
  // Everything but the listeners.
  void Transaction(std::uint64_t id) {
    model::ChangeDigest changes = ChangesOfSession(id);
    changes.Insert("t", TRow(static_cast<std::int64_t>(id), "x"));
    Commit(ScriptOf(id), OutcomeOf(id), changes.digest());
  }
  // The same of one that truncates "t" instead.
  void Truncation(std::uint64_t id) {
    model::ChangeDigest changes = ChangesOfSession(id);
    changes.Truncate("t");
    Commit({TransactionId{id}, SessionOf(id), {model::TruncateTable{1}}}, OutcomeOf(id, 0),
           changes.digest());
  }
  void Report(const std::string& listener, std::uint64_t id) {
    Say(listener,
        wire::Commit{XidOf(id), EndOf(id), digests_.at(id - 1), changes_.at(id - 1), 2, 2});
  }
  // It has nothing else up to that transaction.
  void ReportAllUpTo(const std::string& listener, std::uint64_t id) {
    Say(listener, wire::Position{.received = EndOf(id), .confirmed = Lsn{}});
  }
  void Leave(const std::string& listener, std::uint64_t id) {
    Say(listener, wire::Leave{listener, EndOf(id)});
  }
  void Restart(const std::string& listener) {
    referee_.OnRestart(listener);
    referee_.Advance();
  }
  void MissForLong(const std::string& listener) {
    referee_.OnSilence(listener, "nothing has come from it for 180 s");
    referee_.Advance();
  }
  void EndOfScripts(std::uint64_t scripts, std::uint64_t barriers = 0) {
    Say("generator",
        wire::End{scripts, barriers, model::Digest{}, truth_.digest(), {{"truncate", 3}}});
  }

  template <typename T>
  std::vector<std::pair<std::string, T>> Take() {
    std::vector<std::pair<std::string, T>> found;
    for (Referee::Letter& letter : referee_.TakeLetters()) {
      if (auto* message = std::get_if<T>(&letter.message)) {
        found.emplace_back(letter.peer, std::move(*message));
      }
    }
    return found;
  }
  template <typename T>
  std::vector<std::string> Receivers() {
    std::vector<std::string> peers;
    for (const auto& [peer, message] : Take<T>()) peers.push_back(peer);
    return peers;
  }
  std::string Reason() const { return referee_.verdict() ? referee_.verdict()->reason : "none"; }
  bool Is(VerdictKind kind) const { return referee_.verdict() && referee_.verdict()->kind == kind; }

  model::ChangeDigest ChangesOfSession(std::uint64_t id) const {
    model::ChangeDigest changes;
    changes.Update("session", nullptr, model::MakeSessionRow(SessionOf(id), {id}));
    return changes;
  }
  void Commit(const model::Script& script, const model::Outcome& outcome, model::Digest changes) {
    Say("generator", script);
    Say("applier", outcome);
    WalHas(script.id.value);
    (void)model::Execute(script, truth_);
    changes_.push_back(changes);
    digests_.push_back(truth_.digest());
  }

  model::Catalog catalog_ = MakeCatalog();
  model::Database truth_;
  model::Digest initial_;
  std::vector<model::Digest> changes_;
  std::vector<model::Digest> digests_;  // after each transaction
  Referee referee_;
};

class OneListener : public RefereeTest {
 protected:
  OneListener() : RefereeTest(1) {}
};

}  // namespace lockstep::verifier

#endif  // LOCKSTEP_TESTS_VERIFIER_REFEREE_FIXTURE_H_
