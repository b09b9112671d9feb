// A Value from and to Postgres's text form, by type.
//
// One place for COPY, SQL parameters, reports and the plugins that send text. The text must have
// been printed under the pinned settings (DateStyle ISO, TimeZone UTC, bytea_output hex,
// extra_float_digits 1 or more).
#ifndef LOCKSTEP_MODEL_TEXT_FORM_H_
#define LOCKSTEP_MODEL_TEXT_FORM_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "model/error.h"
#include "model/relation.h"
#include "model/row.h"
#include "model/value.h"

namespace lockstep::model {

// Appends the cell that `text` (not null) denotes in a column of this type. kMalformed when the
// text is not of the type; nothing is added then.
Result<void> AppendFromText(const Column& column, std::string_view text, RowBuilder& row);

// Appends the text that Postgres accepts for this value in a column of type `type`, and prints for
// it (floats: the same number, maybe in another spelling). `value` is not Null.
void AppendText(Oid type, const Value& value, std::string& out);

// Whether Postgres has such a day or moment; the infinities count.
bool IsInCalendar(Date date);
bool IsInCalendar(Timestamp timestamp);

// Appends a float exactly as Postgres prints it: the shortest digits that give the number back,
// with an exponent below 1e-4 and from 1e15 (float4: 1e6) on.
void AppendFloat8(double number, std::string& out);
void AppendFloat4(float number, std::string& out);
// Appends money as lc_monetary = C prints it; the smallest unit is a hundredth there.
void AppendMoney(std::int64_t units, std::string& out);

// A cell for people: the text form; "null", "unchanged", ... for the rest.
std::string Describe(Oid type, const Cell& cell);

// {name=value, ...} of a key, for messages: the key columns of `relation` in key order; of a table
// without a key all columns, long values cut off.
std::string DescribeKey(const Relation& relation, const Row& key);

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_TEXT_FORM_H_
