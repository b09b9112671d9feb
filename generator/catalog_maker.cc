#include "generator/catalog_maker.h"

#include <fmt/format.h>

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "generator/generated_columns.h"
#include "generator/random.h"
#include "generator/user_types.h"
#include "model/relation.h"
#include "model/type_oid.h"

namespace lockstep::generator {
namespace {

namespace type_oid = model::type_oid;

enum class KeyKind { kInteger, kComposite, kUuid, kText };

struct ColumnType {
  model::Oid oid;
  std::string name;
};

// Postgres cuts names after 63 bytes: this one is as long as a name can be.
constexpr std::string_view kLongestName =
    "the_longest_name_that_postgres_keeps_without_cutting_it_is_this";
static_assert(kLongestName.size() == 63);

const std::vector<std::string> kPlainTables = {"account",      "shipment", "reading",
                                               "invoice_line", "device",   "ledger"};
// Upper case, blank, keyword, quote, dot, backslash and characters beyond ASCII.
const std::vector<std::string> kQuotedTables = {"Order",       "T q",   "user",   "say \"hi\"",
                                                "dotted.name", "Größe", "価格表", "back\\slash"};
const std::vector<std::string> kPlainColumns = {
    "amount", "balance", "created", "detail", "email", "flag", "grade",  "height",
    "item",   "label",   "note",    "owner",  "price", "rate", "state2", "status",
    "total",  "updated", "version", "weight", "x",     "y_",   "zone_"};
const std::vector<std::string> kQuotedColumns = {
    "Order",        "select", "with blank", "q\"uote",
    "a.b",          "Straße", "名前",       "back\\slash",
    "apostrophe's", "1st",    "$money",     "e\u0301t\u00e9",
    "CamelCase",    "table",  "a,b;(c)",    std::string(kLongestName)};

ColumnType Varchar(Random& random) {
  static constexpr std::uint32_t kLengths[] = {1, 10, 40, 120, 255};
  return {type_oid::kVarchar, fmt::format("character varying({})", random.Pick(kLengths))};
}

ColumnType ScaledNumeric(Random& random) {
  struct Size {
    std::uint32_t precision;
    std::uint32_t scale;
  };
  static constexpr Size kSizes[] = {{12, 3}, {5, 0}, {9, 2}, {4, 4}, {38, 10}, {19, 4}};
  const Size& size = random.Pick(kSizes);
  return {type_oid::kNumeric, fmt::format("numeric({},{})", size.precision, size.scale)};
}

// Every type once, with the modifiers that the seed chooses. Names are as format_type() prints
// them.
std::vector<ColumnType> AllTypes(Random& random) {
  return {{type_oid::kBool, "boolean"},
          {type_oid::kInt2, "smallint"},
          {type_oid::kInt4, "integer"},
          {type_oid::kInt8, "bigint"},
          {type_oid::kFloat4, "real"},
          {type_oid::kFloat8, "double precision"},
          {type_oid::kNumeric, "numeric"},
          ScaledNumeric(random),
          {type_oid::kText, "text"},
          Varchar(random),
          {type_oid::kUuid, "uuid"},
          {type_oid::kBytea, "bytea"},
          {type_oid::kDate, "date"},
          {type_oid::kTime, "time without time zone"},
          {type_oid::kTimestamp, "timestamp without time zone"},
          {type_oid::kTimestamptz, "timestamp with time zone"},
          {type_oid::kJsonb, "jsonb"},
          {type_oid::kTimetz, "time with time zone"},
          {type_oid::kInterval, "interval"},
          {type_oid::kInet, "inet"},
          {type_oid::kInt4Array, "integer[]"},
          {type_oid::kTextArray, "text[]"},
          {type_oid::kNumericArray, "numeric[]"},
          {type_oid::kInt4Range, "int4range"},
          {type_oid::kNumRange, "numrange"},
          {type_oid::kTstzRange, "tstzrange"},
          {type_oid::kDateRange, "daterange"},
          // Of a domain the base type; the OIDs of the others are not known before they are made.
          {type_oid::kNumeric, std::string(kPrice)},
          {type_oid::kInt4, std::string(kQuantity)},
          {type_oid::kText, std::string(kCode)},
          {{}, std::string(kMood)},
          {{}, std::string(kMoodArray)},
          {{}, std::string(kPlace)}};
}

// The types of a key's columns, in key order. The last one carries the session (key_maker.h).
std::vector<ColumnType> KeyTypes(KeyKind kind, Random& random) {
  ColumnType int4{type_oid::kInt4, "integer"};
  ColumnType int8{type_oid::kInt8, "bigint"};
  ColumnType text{type_oid::kText, "text"};
  ColumnType uuid{type_oid::kUuid, "uuid"};
  ColumnType date{type_oid::kDate, "date"};
  switch (kind) {
    case KeyKind::kInteger:
      return {random.Percent(50) ? int4 : int8};
    case KeyKind::kUuid:
      return {uuid};
    case KeyKind::kText:
      return {text};
    case KeyKind::kComposite:
      switch (random.Below(4)) {
        case 0:
          return {int4, text};
        case 1:
          return {text, int8};
        case 2:
          return {date, uuid};
        default:
          return {{type_oid::kInt2, "smallint"}, date, text};
      }
  }
  __builtin_unreachable();
}

// Hands out names, each once: quoted ones to some, plain ones to the others.
class Names {
 public:
  Names(Random& random, std::vector<std::string> plain, std::vector<std::string> quoted)
      : random_(random), plain_(std::move(plain)), quoted_(std::move(quoted)) {
    random_.Shuffle(plain_);
    random_.Shuffle(quoted_);
  }

  std::string Take(bool quoted) {
    std::vector<std::string>& names =
        (quoted && !quoted_.empty()) || plain_.empty() ? quoted_ : plain_;
    std::string name = std::move(names.back());
    names.pop_back();
    return name;
  }

 private:
  Random& random_;
  std::vector<std::string> plain_;
  std::vector<std::string> quoted_;
};

struct PlannedColumn {
  model::Column column;
  int key_position = -1;  // -1: not in the key
};

// One or two columns that are generated from others, key columns among them.
void AddGeneratedColumns(Names& names, std::vector<PlannedColumn>& planned, Random& random) {
  struct Choice {
    Expression expression;
    std::size_t base;
  };
  std::vector<Choice> choices;
  for (std::size_t base = 0; base < planned.size(); ++base) {
    for (Expression expression : Expressions()) {
      if (Suits(expression, planned[base].column)) choices.push_back({expression, base});
    }
  }
  random.Shuffle(choices);
  std::size_t count = 1 + random.Index(2);
  for (std::size_t i = 0; i < choices.size() && i < count; ++i) {
    std::string name = names.Take(random.Percent(20));
    const model::Column& base = planned[choices[i].base].column;
    planned.push_back({MakeGeneratedColumn(std::move(name), choices[i].expression, base)});
  }
}

model::RelationPtr MakeRelation(const std::string& schema, std::string name, KeyKind kind,
                                model::ReplicaIdentity identity,
                                const std::vector<ColumnType>& types, Random& random) {
  Names names(random, kPlainColumns, kQuotedColumns);
  std::vector<PlannedColumn> planned;
  for (const ColumnType& type : KeyTypes(kind, random)) {
    planned.push_back({{names.Take(random.Percent(25)), type.oid, type.name, /*not_null=*/true},
                       static_cast<int>(planned.size())});
  }
  std::size_t key_size = planned.size();
  for (std::size_t i = 0; i < types.size(); ++i) {
    // The first column is nullable, the second not; the others as it comes.
    bool not_null = i == 1 || (i > 1 && random.Percent(35));
    planned.push_back(
        {{names.Take(i == 0 || random.Percent(20)), types[i].oid, types[i].name, not_null}});
  }
  // With identity FULL Postgres 18 refuses updates of a table whose generated columns are not
  // published.
  if (identity != model::ReplicaIdentity::kFull) AddGeneratedColumns(names, planned, random);
  random.Shuffle(planned);

  auto relation = std::make_shared<model::Relation>();
  relation->schema = schema;
  relation->name = std::move(name);
  relation->identity = identity;
  relation->key.resize(key_size);
  for (PlannedColumn& column : planned) {
    if (column.key_position >= 0) {
      relation->key[static_cast<std::size_t>(column.key_position)] =
          static_cast<std::uint32_t>(relation->columns.size());
    }
    column.column.is_domain = IsDomain(column.column.type_name);
    relation->columns.push_back(std::move(column.column));
  }
  return relation;
}

// Deals every type to some table, text to two of them, and then some more to each.
std::vector<std::vector<ColumnType>> DealTypes(std::size_t tables, Random& random) {
  std::vector<std::vector<ColumnType>> dealt(tables);
  std::vector<ColumnType> deck = AllTypes(random);
  random.Shuffle(deck);
  std::size_t turn = random.Index(tables);
  std::size_t text_table = 0;
  for (ColumnType& type : deck) {
    std::size_t table = turn++ % tables;
    if (type.name == "text") text_table = table;
    dealt[table].push_back(std::move(type));
  }
  dealt[(text_table + 1) % tables].push_back({type_oid::kText, "text"});
  for (std::vector<ColumnType>& types : dealt) {
    std::uint64_t more = 1 + random.Below(3);
    std::vector<ColumnType> choice = AllTypes(random);
    for (std::uint64_t i = 0; i < more; ++i) types.push_back(random.Pick(choice));
    random.Shuffle(types);
  }
  return dealt;
}

// DEFAULT, FULL and INDEX once each, and then as it comes.
std::vector<model::ReplicaIdentity> DealIdentities(std::size_t tables, Random random) {
  using model::ReplicaIdentity;
  std::vector<ReplicaIdentity> identities = {ReplicaIdentity::kDefault, ReplicaIdentity::kFull,
                                             ReplicaIdentity::kIndex};
  while (identities.size() < tables) {
    identities.push_back(random.Percent(60) ? ReplicaIdentity::kDefault
                                            : identities[random.Index(3)]);
  }
  random.Shuffle(identities);
  return identities;
}

bool HasText(const model::Relation& relation) {
  for (std::uint32_t i = 0; i < relation.columns.size(); ++i) {
    const model::Column& column = relation.columns[i];
    if (column.type_name == "text" && column.generated.empty() && !relation.IsKeyColumn(i))
      return true;
  }
  return false;
}

// One or two tables get an owner each. The others stay enough for everybody: one of them has a text
// that may be long.
std::vector<model::SessionId> ChooseOwners(const model::Catalog& catalog, Random random) {
  std::vector<std::uint32_t> tables;
  for (std::uint32_t i = model::kSessionTable + 1; i < catalog.tables.size(); ++i)
    tables.push_back(i);
  random.Shuffle(tables);
  std::size_t owned = 1 + random.Index(2);
  std::size_t texts = 0;
  for (std::uint32_t table : tables) texts += HasText(*catalog.tables[table]);
  std::vector<model::SessionId> owners(catalog.tables.size());
  for (std::uint32_t table : tables) {
    if (owned == 0) break;
    if (HasText(*catalog.tables[table]) && texts-- == 1) continue;
    owners[table] = {1 + static_cast<std::uint32_t>(random.Below(catalog.sessions))};
    --owned;
  }
  return owners;
}

}  // namespace

model::Catalog MakeCatalog(std::uint64_t seed, const CatalogOptions& options) {
  Random random = Random(seed).Stream("catalog");
  model::Catalog catalog;
  catalog.schema = options.schema;
  catalog.sessions = options.sessions;
  catalog.types = MakeUserTypes();
  catalog.tables.push_back(model::MakeSessionRelation(options.schema));

  std::vector<KeyKind> kinds = {KeyKind::kInteger, KeyKind::kComposite, KeyKind::kUuid,
                                KeyKind::kText};
  for (std::uint64_t more = random.Below(3); more > 0; --more) {
    kinds.push_back(random.Percent(50) ? KeyKind::kComposite : KeyKind::kInteger);
  }
  random.Shuffle(kinds);
  std::vector<std::vector<ColumnType>> types = DealTypes(kinds.size(), random);
  std::vector<model::ReplicaIdentity> identities =
      DealIdentities(kinds.size(), random.Stream("identities"));
  Names names(random, kPlainTables, kQuotedTables);
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    Random columns = random.Stream("table", i);
    catalog.tables.push_back(MakeRelation(options.schema, names.Take(i % 2 == 0), kinds[i],
                                          identities[i], types[i], columns));
  }
  catalog.owners = ChooseOwners(catalog, random.Stream("owners"));
  return catalog;
}

}  // namespace lockstep::generator
