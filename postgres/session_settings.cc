#include "postgres/session_settings.h"

#include <fmt/format.h>

#include <array>

namespace lockstep::postgres {
namespace {

using enum SettingRule;

constexpr SessionSetting Left(std::string_view name, std::string_view reason) {
  return {name, kLeft, {}, reason};
}

constexpr std::string_view kForm = "gives values their text";
constexpr std::string_view kEnds = "of applications: it would end a long copy or a quiet session";
constexpr std::string_view kPlans = "how a statement is planned: the rows are the same";
constexpr std::string_view kParallel = "who computes a result: the rows are the same";
constexpr std::string_view kLogs = "what the server writes to its log";
constexpr std::string_view kCounts = "what the server counts of this session";
constexpr std::string_view kMemory = "how much memory or disk a statement may take";
constexpr std::string_view kPace = "how fast: the rows are the same";
constexpr std::string_view kVacuum = "nothing of ours vacuums";
constexpr std::string_view kPlace = "where the administrator wants new files";
constexpr std::string_view kWal = "how the WAL is written, not what it says";
constexpr std::string_view kNetwork = "how soon the server notices that we are gone";
constexpr std::string_view kDebug = "for who debugs the server: the rows are the same";
constexpr std::string_view kUnused = "no statement of ours depends on it";

// clang-format off
constexpr std::array kSettings = std::to_array<SessionSetting>({
    // What a name means. pg_temp last: left out it would come first.
    {"search_path", kPinned, "pg_catalog, pg_temp",
     "which function or table a name means, and how reg* types print"},
    {"local_preload_libraries", kPinned, "", "who owns the database may name libraries to load"},
    {"restrict_nonsystem_relation_kind", kPinnedWherePossible, "view, foreign-table",
     "no view or foreign table is put in the place of a table that is read"},
    {"row_security", kPinned, "off", "a policy is other people's code: an error, not hidden rows"},
    {"constraint_exclusion", kPinned, "partition", "on: planning evaluates CHECK constraints"},
    {"session_replication_role", kPinnedWherePossible, "origin", "replica: triggers stay silent"},
    {"check_function_bodies", kPinned, "on", "a trigger that we make is checked when it is made"},
    Left("session_preload_libraries", "of superusers only, and loaded whatever we say"),
    Left("dynamic_library_path", "of superusers only"),
    Left("extension_control_path", "of superusers only"),
    Left("extension_destdir", "of superusers only"),
    Left("allow_in_place_tablespaces", kUnused),
    Left("allow_system_table_mods", kUnused),
    Left("lo_compat_privileges", kUnused),
    Left("createrole_self_grant", kUnused),
    Left("event_triggers", "what a superuser wants done on DDL is done on ours, too"),

    // What a value looks like, going and coming.
    {"DateStyle", kPinned, "ISO, YMD", kForm},
    {"IntervalStyle", kPinned, "postgres", kForm},
    {"extra_float_digits", kPinned, "3", kForm},
    {"bytea_output", kPinned, "hex", kForm},
    {"TimeZone", kPinned, "UTC", kForm},
    {"lc_monetary", kPinned, "C", kForm},
    {"lc_numeric", kPinned, "C", kForm},
    {"lc_time", kPinned, "C", kForm},
    {"lc_messages", kPinnedWherePossible, "C", "some messages are told apart by their text"},
    {"standard_conforming_strings", kPinned, "on", "literals are written for it"},
    {"array_nulls", kPinned, "on", "off: NULL in an array is read as a text"},
    {"transform_null_equals", kPinned, "off", "on: x = NULL means something else"},
    {"quote_all_identifiers", kPinned, "off", "on: names of types are printed otherwise"},
    {"xmlbinary", kPinned, "base64", kForm},
    {"xmloption", kPinned, "content", "what is read as xml"},
    Left("client_encoding", "asked for by the connection (TextEncoding)"),
    Left("backslash_quote", kUnused),
    Left("escape_string_warning", kUnused),
    Left("operator_precedence_warning", kUnused),
    Left("default_text_search_config", kUnused),
    Left("timezone_abbreviations", "no time is written with one"),
    Left("gin_fuzzy_search_limit", kUnused),
    Left("icu_validation_level", kUnused),

    // What a transaction is.
    {"default_transaction_isolation", kPinned, "read committed", "what a statement sees"},
    {"default_transaction_deferrable", kPinned, "off", "on: a snapshot waits for others"},
    {"default_transaction_read_only", kDefault, "off", "on: no publication can be made"},
    {"synchronous_commit", kPinned, "local",
     "nothing of ours waits for a standby; what a run committed survives a crash"},
    {"exit_on_error", kPinned, "off", "on: an error that is expected ends the session"},
    Left("transaction_isolation", "of one transaction, begun anew with the default"),
    Left("transaction_read_only", "of one transaction, begun anew with the default"),
    Left("transaction_deferrable", "of one transaction, begun anew with the default"),

    // What ends it.
    {"statement_timeout", kDefault, "0", kEnds},
    {"lock_timeout", kDefault, "0", kEnds},
    {"idle_in_transaction_session_timeout", kDefault, "0", kEnds},
    {"idle_session_timeout", kDefaultWherePossible, "0", kEnds},  // of 14
    {"transaction_timeout", kDefaultWherePossible, "0", kEnds},   // of 17
    Left("deadlock_timeout", "of superusers only: how soon a deadlock is looked for"),
    Left("wal_sender_timeout", "asked for, and kept"),
    Left("client_connection_check_interval", kNetwork),
    Left("tcp_keepalives_count", kNetwork),
    Left("tcp_keepalives_idle", kNetwork),
    Left("tcp_keepalives_interval", kNetwork),
    Left("tcp_user_timeout", kNetwork),

    // What a page says.
    {"ignore_system_indexes", kPinned, "off", "on: each look at the catalog reads it whole"},
    {"zero_damaged_pages", kPinnedWherePossible, "off", "on: reading destroys a damaged page"},
    {"ignore_checksum_failure", kPinnedWherePossible, "off", "on: damaged rows pass as rows"},
    {"default_table_access_method", kDefault, "heap", "a run's tables are ordinary ones"},
    Left("default_toast_compression", "a value comes as it was, however it is kept"),
    Left("default_tablespace", kPlace),
    Left("temp_tablespaces", kPlace),
    Left("vacuum_truncate", kVacuum),

    // What the server tells.
    {"client_min_messages", kPinned, "warning", "wal2json warns of what it leaves out"},
    Left("application_name", "given by the connection"),
    Left("update_process_title", kLogs),
    Left("backtrace_functions", kLogs),
    Left("debug_pretty_print", kLogs),
    Left("debug_print_parse", kLogs),
    Left("debug_print_plan", kLogs),
    Left("debug_print_rewritten", kLogs),
    Left("debug_print_raw_parse", kLogs),
    Left("log_connections", kLogs),
    Left("log_disconnections", kLogs),
    Left("log_duration", kLogs),
    Left("log_error_verbosity", kLogs),
    Left("log_executor_stats", kLogs),
    Left("log_lock_failure", kLogs),
    Left("log_lock_failures", kLogs),
    Left("log_lock_waits", kLogs),
    Left("log_min_duration_sample", kLogs),
    Left("log_min_duration_statement", kLogs),
    Left("log_min_error_statement", kLogs),
    Left("log_min_messages", kLogs),
    Left("log_parameter_max_length", kLogs),
    Left("log_parameter_max_length_on_error", kLogs),
    Left("log_parser_stats", kLogs),
    Left("log_planner_stats", kLogs),
    Left("log_replication_commands", kLogs),
    Left("log_statement", kLogs),
    Left("log_statement_sample_rate", kLogs),
    Left("log_statement_stats", kLogs),
    Left("log_temp_files", kLogs),
    Left("log_transaction_sample_rate", kLogs),
    Left("md5_password_warnings", kLogs),
    Left("trace_lock_oidmin", kLogs),
    Left("trace_lock_table", kLogs),
    Left("trace_locks", kLogs),
    Left("trace_lwlocks", kLogs),
    Left("trace_notify", kLogs),
    Left("trace_sort", kLogs),
    Left("trace_userlocks", kLogs),
    Left("compute_query_id", kCounts),
    Left("stats_fetch_consistency", "counts are read one statement a transaction"),
    Left("track_activities", kCounts),
    Left("track_cost_delay_timing", kCounts),
    Left("track_counts", kCounts),
    Left("track_functions", kCounts),
    Left("track_io_timing", kCounts),
    Left("track_wal_io_timing", kCounts),

    // How it is done.
    Left("plan_cache_mode", kPlans),
    Left("cpu_index_tuple_cost", kPlans),
    Left("cpu_operator_cost", kPlans),
    Left("cpu_tuple_cost", kPlans),
    Left("cursor_tuple_fraction", kPlans),
    Left("default_statistics_target", kPlans),
    Left("effective_cache_size", kPlans),
    Left("enable_async_append", kPlans),
    Left("enable_bitmapscan", kPlans),
    Left("enable_distinct_reordering", kPlans),
    Left("enable_gathermerge", kPlans),
    Left("enable_group_by_reordering", kPlans),
    Left("enable_hashagg", kPlans),
    Left("enable_hashjoin", kPlans),
    Left("enable_incremental_sort", kPlans),
    Left("enable_indexonlyscan", kPlans),
    Left("enable_indexscan", kPlans),
    Left("enable_material", kPlans),
    Left("enable_memoize", kPlans),
    Left("enable_mergejoin", kPlans),
    Left("enable_nestloop", kPlans),
    Left("enable_parallel_append", kPlans),
    Left("enable_parallel_hash", kPlans),
    Left("enable_partition_pruning", kPlans),
    Left("enable_partitionwise_aggregate", kPlans),
    Left("enable_partitionwise_join", kPlans),
    Left("enable_presorted_aggregate", kPlans),
    Left("enable_self_join_elimination", kPlans),
    Left("enable_seqscan", kPlans),
    Left("enable_sort", kPlans),
    Left("enable_tidscan", kPlans),
    Left("from_collapse_limit", kPlans),
    Left("geqo", kPlans),
    Left("geqo_effort", kPlans),
    Left("geqo_generations", kPlans),
    Left("geqo_pool_size", kPlans),
    Left("geqo_seed", kPlans),
    Left("geqo_selection_bias", kPlans),
    Left("geqo_threshold", kPlans),
    Left("jit", kPlans),
    Left("jit_above_cost", kPlans),
    Left("jit_debugging_support", kDebug),
    Left("jit_dump_bitcode", kDebug),
    Left("jit_expressions", kPlans),
    Left("jit_inline_above_cost", kPlans),
    Left("jit_optimize_above_cost", kPlans),
    Left("jit_profiling_support", kDebug),
    Left("jit_tuple_deforming", kPlans),
    Left("join_collapse_limit", kPlans),
    Left("min_parallel_index_scan_size", kPlans),
    Left("min_parallel_table_scan_size", kPlans),
    Left("parallel_setup_cost", kPlans),
    Left("parallel_tuple_cost", kPlans),
    Left("random_page_cost", kPlans),
    Left("recursive_worktable_factor", kPlans),
    Left("seq_page_cost", kPlans),
    Left("force_parallel_mode", kParallel),  // before 16
    Left("debug_parallel_query", kParallel),
    Left("max_parallel_maintenance_workers", kParallel),
    Left("max_parallel_workers", kParallel),
    Left("max_parallel_workers_per_gather", kParallel),
    Left("parallel_leader_participation", kParallel),
    Left("hash_mem_multiplier", kMemory),
    Left("logical_decoding_work_mem", kMemory),
    Left("maintenance_work_mem", kMemory),
    Left("max_stack_depth", kMemory),
    Left("temp_buffers", kMemory),
    Left("temp_file_limit", kMemory),
    Left("work_mem", kMemory),
    Left("backend_flush_after", kPace),
    Left("effective_io_concurrency", kPace),
    Left("file_copy_method", kPace),
    Left("gin_pending_list_limit", kPace),
    Left("io_combine_limit", kPace),
    Left("maintenance_io_concurrency", kPace),
    Left("synchronize_seqscans", "in which order rows come: they are compared without one"),
    Left("vacuum_buffer_usage_limit", kVacuum),
    Left("vacuum_cleanup_index_scale_factor", kVacuum),
    Left("vacuum_cost_delay", kVacuum),
    Left("vacuum_cost_limit", kVacuum),
    Left("vacuum_cost_page_dirty", kVacuum),
    Left("vacuum_cost_page_hit", kVacuum),
    Left("vacuum_cost_page_miss", kVacuum),
    Left("vacuum_failsafe_age", kVacuum),
    Left("vacuum_freeze_min_age", kVacuum),
    Left("vacuum_freeze_table_age", kVacuum),
    Left("vacuum_max_eager_freeze_failure_rate", kVacuum),
    Left("vacuum_multixact_failsafe_age", kVacuum),
    Left("vacuum_multixact_freeze_min_age", kVacuum),
    Left("vacuum_multixact_freeze_table_age", kVacuum),
    Left("commit_delay", kWal),
    Left("commit_siblings", kWal),
    Left("wal_compression", kWal),
    Left("wal_consistency_checking", kWal),
    Left("wal_init_zero", kWal),
    Left("wal_recycle", kWal),
    Left("wal_skip_threshold", kWal),
    Left("password_encryption", kUnused),
    Left("scram_iterations", kUnused),
    Left("debug_discard_caches", kDebug),
    Left("debug_logical_replication_streaming", "the decoders take streamed transactions"),
    Left("logical_replication_mode", "the decoders take streamed transactions"),  // 16's name of it
    Left("post_auth_delay", kDebug),
});
// clang-format on

std::string OptionsOf(SettingRule rule) {
  std::string options;
  for (const SessionSetting& setting : kSettings) {
    if (setting.rule != rule) continue;
    options += fmt::format("{}-c {}=", options.empty() ? "" : " ", setting.name);
    for (const char c : setting.value) {
      if (c == ' ') options.push_back('\\');
      options.push_back(c);
    }
  }
  return options;
}

}  // namespace

std::span<const SessionSetting> SessionSettings() { return kSettings; }

std::string StartupOptions(std::string_view given) {
  return fmt::format("{} {} {}", OptionsOf(kDefault), given, OptionsOf(kPinned));
}

std::string SettingsStatement() {
  std::string wanted;
  for (const SessionSetting& setting : kSettings) {
    if (setting.rule == kLeft) continue;
    const bool may_be_given = setting.rule == kDefault || setting.rule == kDefaultWherePossible;
    wanted += fmt::format("{}('{}', '{}', {})", wanted.empty() ? "" : ", ", setting.name,
                          setting.value, may_be_given);
  }
  return fmt::format(
      "SELECT pg_catalog.set_config(s.name, w.value, false) "
      "FROM (VALUES {}) w(name, value, may_be_given) "
      "JOIN pg_catalog.pg_settings s ON s.name = w.name WHERE s.setting <> w.value "
      "AND NOT (w.may_be_given AND s.source = 'client') AND (s.context = 'user' "
      "OR s.context = 'superuser' AND pg_catalog.current_setting('is_superuser') = 'on')",
      wanted);
}

}  // namespace lockstep::postgres
