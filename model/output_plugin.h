// The output plugins that can be followed, and what each cannot show: the one table of it.
//
// A plugin's name is tested here and in replication/make_decoder, nowhere else. What differs by
// version is found out by asking the server (postgres/plugin_probe.h).
#ifndef LOCKSTEP_MODEL_OUTPUT_PLUGIN_H_
#define LOCKSTEP_MODEL_OUTPUT_PLUGIN_H_

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

namespace lockstep::model {

// What happened in the database and does not reach a listener, or not as it is. The numbers travel.
enum class Loss : std::uint8_t {
  kTruncate = 0,         // TRUNCATE is not sent
  kMessage = 1,          // pg_logical_emit_message is not sent
  kTimeZone = 2,         // timetz arrives in UTC, its zone is lost
  kTimestampEnd = 3,     // the last timestamps arrive as infinity or -infinity
  kNonFinite = 4,        // NaN and infinities of numeric and float columns arrive as null
  kGeneratedColumn = 5,  // stored generated columns are left out
  kNoIdentity = 6,       // UPDATE and DELETE of a table with REPLICA IDENTITY NOTHING do not arrive
  kBinaryForm = 7,       // types whose binary form is not read (tsvector, hstore, ...) are refused
};
inline constexpr std::uint8_t kLossCount = 8;

// A short name for reports: "truncate", "time_zone", ...
std::string_view ToString(Loss loss);
// A sentence for people: what is lost, when, and what can be done.
std::string_view Explain(Loss loss);

class LossSet {
 public:
  constexpr LossSet() = default;
  constexpr LossSet(std::initializer_list<Loss> losses) {
    for (Loss loss : losses) Add(loss);
  }
  // The bits beyond kLossCount are dropped: they may come from outside.
  static constexpr LossSet FromBits(std::uint32_t bits) {
    LossSet set;
    set.bits_ = bits & ((1U << kLossCount) - 1);
    return set;
  }
  constexpr std::uint32_t bits() const { return bits_; }
  constexpr void Add(Loss loss) { bits_ |= 1U << static_cast<std::uint8_t>(loss); }
  constexpr void Remove(Loss loss) { bits_ &= ~(1U << static_cast<std::uint8_t>(loss)); }
  constexpr bool Has(Loss loss) const {
    return (bits_ >> static_cast<std::uint8_t>(loss) & 1) != 0;
  }
  constexpr bool Contains(LossSet other) const { return (other.bits_ & ~bits_) == 0; }
  friend constexpr bool operator==(LossSet, LossSet) = default;

 private:
  std::uint32_t bits_ = 0;
};

// What the table depends on, besides the plugin's name.
struct PluginVersion {
  int server = 0;  // PQserverVersion, e.g. 150020
  // wal2json 2.6 and later know numeric-data-types-as-string.
  bool wal2json_numbers_as_strings = false;
  friend bool operator==(const PluginVersion&, const PluginVersion&) = default;
};

// A way to follow a database: an output plugin of the server and how it is asked.
struct OutputPlugin {
  std::string_view name;     // what users call it: "pgoutput-binary"
  std::string_view library;  // what the slot is made with: "pgoutput"
  // The option that only its newer versions know (PluginVersion); empty: none matters.
  std::string_view probed_option = {};
  bool in_core = false;  // comes with Postgres; others are Debian's postgresql-<major>-<library>
  bool sends_publications = false;  // sends the tables of publications only
  int oldest_server = 0;            // PQserverVersion; 0: of any that can be followed
};

std::span<const OutputPlugin> OutputPlugins();
// nullptr when there is no decoder for it.
const OutputPlugin* FindOutputPlugin(std::string_view name);
// "decoderbufs, wal2json, ...", for messages.
std::string_view OutputPluginNames();

// What a plugin of this name cannot show. `name` is one of OutputPlugins().
LossSet LossesOf(std::string_view name, const PluginVersion& version);

}  // namespace lockstep::model

#endif  // LOCKSTEP_MODEL_OUTPUT_PLUGIN_H_
