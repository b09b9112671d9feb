#include "generator/script_maker.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "generator/key_maker.h"
#include "generator/live_keys.h"
#include "generator/text_maker.h"

namespace lockstep::generator {
namespace {

// One script of each block of so many is large.
constexpr std::uint64_t kLargeScriptBlock = 1'500;
constexpr std::uint32_t kMinLargeOperations = 1000;
constexpr std::uint32_t kMaxLargeOperations = 4000;
constexpr std::uint32_t kRollbackPercent = 10;
constexpr std::uint32_t kOneFailureIn = 64;
// One script of so many truncates: enough in a short run, and rows have time to come again.
constexpr std::uint32_t kOneTruncationIn = 100;
// With very many sessions, of those of an owner.
constexpr std::uint32_t kOneOwnTruncationIn = 10;

enum Step : std::size_t {
  kInsert,
  kUpsertNew,
  kUpsertExisting,
  kUpdate,
  kUpdateBesideLongText,
  kChangeKey,
  kChangeKeyBesideLongText,
  kSameKey,
  kSwapKeys,
  kDelete,
  kAbsentKey,
  kSameRow,
  kMessage,
  // The others open savepoints.
  kSavepointBlock,
  kViolationInSavepoint,
  kStepCount,
};

// How the steps are mixed when a session has about as many rows as it should.
constexpr std::array<std::uint32_t, kStepCount> kWeights = {
    /*kInsert*/ 190,        /*kUpsertNew*/ 40,
    /*kUpsertExisting*/ 60,
    /*kUpdate*/ 250,        /*kUpdateBesideLongText*/ 30,
    /*kChangeKey*/ 60,      /*kChangeKeyBesideLongText*/ 12,
    /*kSameKey*/ 8,         /*kSwapKeys*/ 20,
    /*kDelete*/ 150,        /*kAbsentKey*/ 50,
    /*kSameRow*/ 40,        /*kMessage*/ 12,
    /*kSavepointBlock*/ 60, /*kViolationInSavepoint*/ 25,
};

// Empty, and what has to be quoted, escaped or decoded.
constexpr std::string_view kMessagePrefixes[] = {"",
                                                 "lockstep",
                                                 "it's",
                                                 "say \"hi\"",
                                                 "a b",
                                                 "back\\slash",
                                                 "gr\u00f6\u00dfe",
                                                 "\u4fa1\u683c",
                                                 "\U0001f600",
                                                 "{}",
                                                 "a.b",
                                                 "SELECT 1"};

// What a script that truncates does around it. They take turns.
enum class Truncation : std::uint64_t {
  kPlain,
  kSameKeysAgain,
  kRolledBackToSavepoint,
  kTwice,
  kInSavepoint,
  kEmptyTable,
  kCount,
};

// One script being thought up.
class Composer {
 public:
  Composer(TransactionBuilder& builder, Random& random, const model::Database& committed,
           std::uint32_t rows_wanted)
      : builder_(builder), random_(random), committed_(committed), rows_wanted_(rows_wanted) {}

  void ComposeNormal(bool must_fail) {
    static constexpr std::uint32_t kStepsWeights[] = {0, 26, 30, 20, 11, 6, 3, 2, 1, 1};
    std::size_t steps = random_.PickWeighted(kStepsWeights);
    std::size_t fails_at = must_fail ? random_.Index(steps) : SIZE_MAX;
    for (std::size_t i = 0; i < steps; ++i) {
      if (i == fails_at) Violate();
      TakeStep();
    }
  }

  // So many single-row operations, `may_grow` if the database may become larger by as many.
  void ComposeLarge(std::size_t operations, bool may_grow) {
    // A savepoint in some, rolled back to in half of those.
    std::size_t savepoint_at = SIZE_MAX;
    std::size_t rollback_at = SIZE_MAX;
    if (random_.Percent(40)) {
      savepoint_at = random_.Index(operations / 2);
      if (random_.Percent(50)) rollback_at = savepoint_at + 1 + random_.Index(operations / 2);
    }
    std::uint32_t draw = static_cast<std::uint32_t>(random_.Below(10));
    bool has_many_rows = builder_.rows().CountRows() > kMinLargeOperations / 2;
    bool insert = may_grow && (draw < 6 || !has_many_rows);
    bool update = !insert && has_many_rows && may_grow && draw < 8;
    std::uint32_t table = PickTable();
    for (std::size_t i = 0; i < operations; ++i) {
      if (i == savepoint_at) builder_.Savepoint();
      if (i == rollback_at) builder_.RollBackToSavepoint();
      if (random_.Percent(5)) table = PickTable();
      if (insert) {
        LargeInsert(table);
      } else if (update) {
        LargeUpdate(table);
      } else {
        LargeDelete(table);
      }
    }
  }

  // One of the session's own tables, with what may come before and after it.
  void ComposeTruncation() {
    std::uint32_t table = random_.Pick(builder_.rows().owned);
    auto kind = static_cast<Truncation>(builder_.rows().truncations++ %
                                        static_cast<std::uint64_t>(Truncation::kCount));
    if (random_.Percent(40)) TakeStep();
    // What is written here is gone at once.
    if (random_.Percent(40)) builder_.Insert(table, PickAbsent(table));
    std::vector<KeyOrdinal> keys;
    const LiveKeys& live = builder_.live(table);
    for (std::size_t i = 0; i < live.size() && i < 4; ++i) keys.push_back(live[i]);
    bool in_savepoint =
        kind == Truncation::kRolledBackToSavepoint || kind == Truncation::kInSavepoint;
    if (in_savepoint) builder_.Savepoint();
    builder_.Truncate(table);
    if (kind == Truncation::kEmptyTable) builder_.Truncate(table);
    if (kind == Truncation::kSameKeysAgain || kind == Truncation::kTwice || in_savepoint) {
      for (KeyOrdinal key : keys) {
        random_.Percent(70) ? builder_.Insert(table, key) : builder_.Upsert(table, key);
      }
    }
    if (kind == Truncation::kTwice) {
      builder_.Truncate(table);
      if (!keys.empty() && random_.Percent(50)) builder_.Insert(table, keys[0]);
    }
    if (kind == Truncation::kRolledBackToSavepoint) builder_.RollBackToSavepoint();
    if (in_savepoint && random_.Percent(50)) builder_.ReleaseSavepoint();
    for (std::uint64_t steps = random_.Below(3); steps > 0; --steps) TakeStep();
  }

 private:
  std::uint32_t PickTable() { return random_.Pick(builder_.rows().tables); }

  // A table in which the session has at least `rows` rows, if there is one within a few draws.
  std::optional<std::uint32_t> PickTableWith(std::size_t rows) {
    for (int i = 0; i < 6; ++i) {
      std::uint32_t table = PickTable();
      if (builder_.live(table).size() >= rows) return table;
    }
    return std::nullopt;
  }

  KeyOrdinal PickLive(std::uint32_t table) {
    const LiveKeys& live = builder_.live(table);
    return live[random_.Index(live.size())];
  }

  // A key without a row. The lowest ones (edge values) and a small part of all come more often, so
  // that keys that were deleted come again.
  KeyOrdinal PickAbsent(std::uint32_t table) {
    const LiveKeys& live = builder_.live(table);
    assert(live.size() < kKeyOrdinals / 2);
    for (;;) {
      std::uint64_t draw = random_.Below(16);
      std::uint64_t bound = draw == 0 ? 8 : draw < 8 ? 1024 : kKeyOrdinals;
      auto key = static_cast<KeyOrdinal>(random_.Below(bound));
      if (!live.Contains(key)) return key;
    }
  }

  // Where the row at `key` may move. Of a composite key sometimes only one column changes.
  KeyOrdinal PickNewKey(std::uint32_t table, KeyOrdinal key) {
    if (builder_.table(table).HasCompositeKey() && random_.Percent(40)) {
      auto sibling = static_cast<KeyOrdinal>(key ^ (1 + random_.Below(KeyMaker::kGroup - 1)));
      if (!builder_.live(table).Contains(sibling)) return sibling;
    }
    return PickAbsent(table);
  }

  // A row that holds a long text in `committed_`, and still exists.
  struct Address {
    std::uint32_t table;
    KeyOrdinal key;
  };
  std::optional<Address> PickLongText() {
    std::uint32_t table = PickTable();
    for (int i = 0; i < 8 && builder_.rows().long_texts[table].empty(); ++i) table = PickTable();
    std::vector<KeyOrdinal>& keys = builder_.rows().long_texts[table];
    while (!keys.empty()) {
      std::size_t position = random_.Index(keys.size());
      KeyOrdinal key = keys[position];
      const model::Row* row =
          committed_.table(table).Find(builder_.table(table).MakeKey(builder_.rows().session, key));
      if (row && builder_.table(table).HasLongText(*row) && builder_.live(table).Contains(key)) {
        return Address{table, key};
      }
      keys.erase(keys.begin() + static_cast<std::ptrdiff_t>(position));
    }
    return std::nullopt;
  }

  void TakeStep() {
    std::array<std::uint32_t, kStepCount> weights = kWeights;
    std::size_t percent = builder_.rows().CountRows() * 100 / rows_wanted_;
    if (percent < 50) {
      weights[kInsert] *= 2;
      weights[kDelete] /= 2;
    } else if (percent > 150) {
      weights[kInsert] /= 3;
      weights[kDelete] *= 2;
    } else if (percent > 100) {
      weights[kInsert] /= 2;
      weights[kDelete] += weights[kDelete] / 2;
    }
    // After a failure everything fails, also SAVEPOINT.
    if (builder_.failed() || builder_.open_savepoints() >= TransactionBuilder::kMaxSavepoints) {
      weights[kSavepointBlock] = weights[kViolationInSavepoint] = 0;
    }
    auto step = static_cast<Step>(random_.PickWeighted(weights));
    if (step <= kAbsentKey) {
      TakeRowStep(step);
    } else if (step == kSameRow) {
      WorkOnOneRow();
    } else if (step == kMessage) {
      EmitMessage();
    } else if (step == kSavepointBlock) {
      TakeSavepointBlock();
    } else {
      builder_.Savepoint();
      Violate();
      if (random_.OneIn(4)) TakeStep();  // skipped by the server
      builder_.RollBackToSavepoint();
      if (random_.Percent(50)) builder_.ReleaseSavepoint();
    }
  }

  // What a step does when there is no row for it is an insert.
  void TakeRowStep(Step step) {
    if (step == kUpdateBesideLongText || step == kChangeKeyBesideLongText) {
      if (std::optional<Address> row = PickLongText()) {
        if (step == kUpdateBesideLongText) {
          return builder_.UpdateBesideLongText(row->table, row->key);
        }
        KeyOrdinal new_key = PickNewKey(row->table, row->key);
        builder_.ChangeKey(row->table, row->key, new_key);
        builder_.rows().long_texts[row->table].push_back(new_key);
        return;
      }
      step = kUpdate;
    }
    if (step == kAbsentKey) return WorkOnAbsentKey();
    std::optional<std::uint32_t> table = PickTableWith(step == kSwapKeys ? 2 : 1);
    if (step == kInsert || step == kUpsertNew || !table) {
      std::uint32_t any = PickTable();
      KeyOrdinal key = PickAbsent(any);
      return step == kUpsertNew ? builder_.Upsert(any, key) : builder_.Insert(any, key);
    }
    KeyOrdinal key = PickLive(*table);
    if (step == kUpdate) return builder_.Update(*table, key);
    if (step == kDelete) return builder_.Delete(*table, key);
    if (step == kUpsertExisting) return builder_.Upsert(*table, key);
    if (step == kSameKey) return builder_.ChangeKey(*table, key, key);
    if (step == kSwapKeys) return SwapKeys(*table, key);
    builder_.ChangeKey(*table, key, PickNewKey(*table, key));
  }

  void WorkOnAbsentKey() {
    std::uint32_t table = PickTable();
    KeyOrdinal key = PickAbsent(table);
    switch (random_.Below(5)) {
      case 0:
      case 1:
        return builder_.Update(table, key);
      case 2:
        return builder_.ChangeKey(table, key, PickAbsent(table));
      default:
        return builder_.Delete(table, key);
    }
  }

  // Two rows exchange their keys over a free one, or a chain of rows moves up by one.
  void SwapKeys(std::uint32_t table, KeyOrdinal first) {
    KeyOrdinal second = PickLive(table);
    KeyOrdinal free = PickAbsent(table);
    if (first == second) return builder_.ChangeKey(table, first, free);
    builder_.ChangeKey(table, first, free);
    builder_.ChangeKey(table, second, first);
    if (random_.Percent(60)) {
      builder_.ChangeKey(table, free, second);
    } else if (KeyOrdinal third = PickLive(table); third != first && third != free) {
      builder_.ChangeKey(table, third, second);
    }
  }

  void WorkOnOneRow() {
    std::optional<std::uint32_t> with_row = PickTableWith(1);
    std::uint32_t table = with_row ? *with_row : PickTable();
    bool fresh = !with_row || random_.Percent(40);
    KeyOrdinal key = fresh ? PickAbsent(table) : PickLive(table);
    if (fresh) {
      random_.Percent(70) ? builder_.Insert(table, key) : builder_.Upsert(table, key);
    }
    switch (random_.Below(5)) {
      case 0:  // gone again
        builder_.Update(table, key);
        builder_.Delete(table, key);
        break;
      case 1:  // the same key, another row
        builder_.Delete(table, key);
        builder_.Insert(table, key);
        if (random_.Percent(40)) builder_.Update(table, key);
        break;
      case 2: {  // there and back
        KeyOrdinal free = PickNewKey(table, key);
        builder_.ChangeKey(table, key, free);
        if (random_.Percent(50)) builder_.Update(table, free);
        builder_.ChangeKey(table, free, key);
        break;
      }
      case 3:
        builder_.Update(table, key);
        builder_.Update(table, key);
        builder_.Upsert(table, key);
        break;
      default: {  // its key is taken again at once
        builder_.ChangeKey(table, key, PickNewKey(table, key));
        builder_.Insert(table, key);
      }
    }
  }

  void EmitMessage() {
    std::string prefix(random_.Pick(kMessagePrefixes));
    std::string content;
    if (random_.OneIn(6)) {
      AppendLongText(random_, content);
    } else if (!random_.OneIn(6)) {
      AppendText(random_, content);
    }
    builder_.EmitMessage(std::move(prefix), std::move(content));
  }

  void TakeSavepointBlock() {
    builder_.Savepoint();
    std::uint64_t steps = 1 + random_.Below(3);
    for (std::uint64_t i = 0; i < steps; ++i) TakeStep();
    if (random_.Percent(45)) {
      builder_.RollBackToSavepoint();
      if (random_.Percent(40)) TakeStep();
    }
    if (random_.Percent(60) && builder_.open_savepoints() > 0) builder_.ReleaseSavepoint();
  }

  // A statement that fails: an insert or a change to a key that has a row.
  void Violate() {
    std::optional<std::uint32_t> table = PickTableWith(2);
    if (table) {
      KeyOrdinal taken = PickLive(*table);
      KeyOrdinal other = PickLive(*table);
      if (taken != other && random_.Percent(40)) {
        return builder_.ChangeKey(*table, other, taken);
      }
      return builder_.Insert(*table, taken);
    }
    std::uint32_t any = PickTable();
    KeyOrdinal key = PickAbsent(any);
    builder_.Insert(any, key);
    builder_.Insert(any, key);
  }

  void LargeInsert(std::uint32_t table) {
    if (random_.Percent(8) && builder_.live(table).size() > 0) {
      builder_.Update(table, PickLive(table));
    } else {
      builder_.Insert(table, PickAbsent(table));
    }
  }

  void LargeUpdate(std::uint32_t table) {
    if (builder_.live(table).size() == 0) {
      builder_.Insert(table, PickAbsent(table));
    } else if (random_.Percent(5)) {
      KeyOrdinal key = PickLive(table);
      builder_.ChangeKey(table, key, PickNewKey(table, key));
    } else {
      builder_.Update(table, PickLive(table));
    }
  }

  // When the session runs out of rows, some come and go.
  void LargeDelete(std::uint32_t table) {
    if (builder_.live(table).size() > 0) return builder_.Delete(table, PickLive(table));
    if (std::optional<std::uint32_t> other = PickTableWith(1)) {
      return builder_.Delete(*other, PickLive(*other));
    }
    builder_.Insert(table, PickAbsent(table));
  }

  TransactionBuilder& builder_;
  Random& random_;
  const model::Database& committed_;
  std::uint32_t rows_wanted_;  // of this session
};

}  // namespace

ScriptMaker::ScriptMaker(const model::Catalog& catalog, Random random, std::uint32_t target_rows)
    : random_(random), target_rows_(target_rows) {
  for (std::uint32_t i = 0; i < catalog.tables.size(); ++i) {
    tables_.emplace_back();
    if (i == model::kSessionTable) continue;
    tables_.back().emplace(catalog.tables[i], catalog.sessions, random_.Stream("shapes", i));
  }
  for (std::uint32_t i = 1; i <= catalog.sessions; ++i) {
    SessionRows rows{.session = {i},
                     .live = std::vector<LiveKeys>(catalog.tables.size()),
                     .long_texts = std::vector<std::vector<KeyOrdinal>>(catalog.tables.size()),
                     .tables = {},
                     .owned = {}};
    for (std::uint32_t table = model::kSessionTable + 1; table < catalog.tables.size(); ++table) {
      const model::SessionId owner = catalog.OwnerOf(table);
      if (owner.IsValid() && owner != rows.session) continue;
      rows.tables.push_back(table);
      if (!owner.IsValid()) continue;
      rows.owned.push_back(table);
      rows.tables.push_back(table);
    }
    if (!rows.owned.empty()) ++owners_;
    sessions_.push_back(std::move(rows));
  }
}

model::Script ScriptMaker::Make(model::TransactionId id, const model::Database& committed) {
  Random random = random_.Stream("script", id.value);
  SessionRows& rows = sessions_[random.Index(sessions_.size())];
  std::uint64_t block = (id.value - 1) / kLargeScriptBlock;
  bool is_large =
      random_.Stream("large", block).Below(kLargeScriptBlock) == (id.value - 1) % kLargeScriptBlock;
  bool must_fail = random.OneIn(kOneFailureIn);
  model::ScriptEnd end =
      random.Percent(kRollbackPercent) ? model::ScriptEnd::kRollback : model::ScriptEnd::kCommit;
  auto rows_wanted = static_cast<std::uint32_t>(target_rows_ / sessions_.size());
  TransactionBuilder builder(tables_, rows, random);
  Composer composer(builder, random, committed, std::max(rows_wanted, 1u));
  if (is_large) {
    // The smaller of two draws: large scripts are rare, and still half of all operations would be
    // theirs.
    std::size_t more = kMaxLargeOperations - kMinLargeOperations + 1;
    std::size_t first = random.Index(more);
    std::size_t operations = kMinLargeOperations + std::min(first, random.Index(more));
    composer.ComposeLarge(operations, CountRows() + operations <= 2 * target_rows_);
  } else if (!rows.owned.empty() && MayTruncate(random)) {
    composer.ComposeTruncation();
  } else {
    composer.ComposeNormal(must_fail && end == model::ScriptEnd::kCommit);
  }
  return builder.Finish(id, end);
}

bool ScriptMaker::MayTruncate(Random& random) const {
  // Every owner's turn comes once in as many scripts as there are sessions.
  std::uint64_t scripts = std::uint64_t{kOneTruncationIn} * owners_;
  std::uint64_t chances = std::min<std::uint64_t>(sessions_.size(), scripts / kOneOwnTruncationIn);
  return random.Below(scripts) < chances;
}

std::uint64_t ScriptMaker::CountRows() const {
  std::uint64_t count = 0;
  for (const SessionRows& rows : sessions_) count += rows.CountRows();
  return count;
}

}  // namespace lockstep::generator
