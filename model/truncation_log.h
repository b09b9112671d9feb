// Names of the table by which a TRUNCATE shows itself to a plugin that does not send it
// (postgres/truncation_trigger.h): a statement trigger writes the truncated table's name into it
// and deletes the row again, so that the table stays empty and both changes are in the stream. It
// lies in a schema of its own (model/log_schemas.h), or in that of a run.
#ifndef LOCKSTEP_MODEL_TRUNCATION_LOG_H_
#define LOCKSTEP_MODEL_TRUNCATION_LOG_H_

#include <string_view>

namespace lockstep::model {

// The table, and with the same name the trigger function. A trigger is named as the log's schema,
// so that a table may have several.
inline constexpr std::string_view kTruncationLog = "lockstep_truncation";
// Its columns: id int8, the key; the truncated table's schema and name, plain, text.
inline constexpr std::string_view kTruncationLogId = "id";
inline constexpr std::string_view kTruncationLogTableSchema = "table_schema";
inline constexpr std::string_view kTruncationLogTable = "table_name";

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_TRUNCATION_LOG_H_
