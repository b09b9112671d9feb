// Names of the table by which a TRUNCATE shows itself to a plugin that does not send it
// (postgres/truncation_trigger.h): a statement trigger writes the truncated table's name into it
// and deletes the row again, so that the table stays empty and both changes are in the stream.
#ifndef LOCKSTEP_MODEL_TRUNCATION_LOG_H_
#define LOCKSTEP_MODEL_TRUNCATION_LOG_H_

#include <string_view>

namespace lockstep::model {

// The table, and with the same name the trigger on each table and the trigger function. In the
// schema of the tables that it is about.
inline constexpr std::string_view kTruncationLog = "lockstep_truncation";
// Its columns: id int8, the key; the truncated table's name, plain, text.
inline constexpr std::string_view kTruncationLogId = "id";
inline constexpr std::string_view kTruncationLogTable = "table_name";

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_TRUNCATION_LOG_H_
