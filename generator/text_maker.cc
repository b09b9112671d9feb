#include "generator/text_maker.h"

#include <cstddef>
#include <cstdint>

namespace lockstep::generator {
namespace {

constexpr std::string_view kEdgeTexts[] = {
    "",
    " ",
    "  leading",
    "trailing  ",
    "\t",
    "\n",
    "line one\nline two\r\nline three\n",
    "tab\tseparated\tfields",
    "\\N",
    "\\.",
    "\\",
    "ends with a backslash\\",
    "\\n\\t\\x41\\101",
    "'",
    "''",
    "\"",
    "\"quoted\", 'quoted'",
    "O'Brien; DROP TABLE x; --",
    "$1 $$ %s%n {} ${x}",
    "null",
    "NULL",
    "NaN",
    "(1,\"a\",)",
    "{1,NULL,\"\\\"\"}",
    "{\"a\": \"\\u0000\"}",
    "<a href=\"x\">&amp;</a>",
    "0",
    "-0",
    "1e400",
    "\b\f\v\a\x1b[31m",
    "\x01\x02\x1f\x7f",
    "caf\u00e9 na\u00efve",
    "e\u0301 o\u0308 a\u030a\u0323",
    "\u65e5\u672c\u8a9e\u306e\u6587\u5b57\u5217",
    "\u05e9\u05dc\u05d5\u05dd \u0639\u0631\u0628\u064a",
    "\u202eright to left\u202c",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 family",
    "\U0001f1e9\U0001f1ea\U0001f44d\U0001f3fd",
    "\U00010000\U0010ffff",
    "\ufeffbyte order mark",
    "\ufffd\ufffe\uffff",
    "\u00a0\u2003\u200b\u2028\u2029",
    "\u00c5\u212b\u0041\u030a",
    "I\u0307\u0130\u0131\u00df\u1e9e"};

constexpr std::string_view kWords[] = {"alder",
                                       "amber",
                                       "apple",
                                       "ash",
                                       "birch",
                                       "blue",
                                       "bread",
                                       "brook",
                                       "cedar",
                                       "clay",
                                       "cloud",
                                       "copper",
                                       "coral",
                                       "crane",
                                       "dawn",
                                       "delta",
                                       "dune",
                                       "elm",
                                       "ember",
                                       "fern",
                                       "field",
                                       "flint",
                                       "fog",
                                       "frost",
                                       "glass",
                                       "grain",
                                       "green",
                                       "hazel",
                                       "heron",
                                       "iron",
                                       "ivy",
                                       "jade",
                                       "lake",
                                       "larch",
                                       "leaf",
                                       "lime",
                                       "linen",
                                       "maple",
                                       "marsh",
                                       "moss",
                                       "night",
                                       "oak",
                                       "ocean",
                                       "olive",
                                       "pearl",
                                       "pine",
                                       "quartz",
                                       "rain",
                                       "reed",
                                       "river",
                                       "sand",
                                       "slate",
                                       "snow",
                                       "spruce",
                                       "stone",
                                       "storm",
                                       "tide",
                                       "tin",
                                       "valley",
                                       "willow",
                                       "Gr\u00fc\u00dfe",
                                       "\u03bb\u03cc\u03b3\u03bf\u03c2",
                                       "\u0441\u043b\u043e\u0432\u043e",
                                       "\u8bcd"};

// 64 characters, so that six random bits are one.
constexpr std::string_view kDense =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '";
static_assert(kDense.size() == 64);

constexpr std::string_view kWide[] = {"\u00e4", "\u20ac", "\U0001f600", "\\",    "\"",
                                      "\n",     "\t",     "o\u0308",    "\u6f22"};

}  // namespace

std::span<const std::string_view> EdgeTexts() { return kEdgeTexts; }

void AppendText(Random& random, std::string& out) {
  if (random.OneIn(8)) {
    out += random.Pick(kEdgeTexts);
    return;
  }
  for (std::uint64_t words = 1 + random.Below(4); words > 0; --words) {
    out += random.Pick(kWords);
    if (words > 1) out += ' ';
  }
}

void AppendLongText(Random& random, std::string& out) {
  std::size_t size = out.size() + 3000 + random.Index(9000);
  out.reserve(size + 16);
  while (out.size() < size) {
    std::uint64_t bits = random.Next();
    for (int i = 0; i < 10; ++i, bits >>= 6) out += kDense[bits & 63];
    if (bits == 0) out += random.Pick(kWide);  // four bits are left: after one in sixteen
  }
}

}  // namespace lockstep::generator
