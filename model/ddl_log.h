// Name of the schema that holds Lockstep's own log of schema changes (postgres/ddl_log.h). Its
// tables are nobody's data: they are never followed.
#ifndef LOCKSTEP_MODEL_DDL_LOG_H_
#define LOCKSTEP_MODEL_DDL_LOG_H_

#include <string_view>

namespace lockstep::model {

inline constexpr std::string_view kDdlLogSchema = "lockstep_ddl";

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_DDL_LOG_H_
