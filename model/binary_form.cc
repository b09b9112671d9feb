#include "model/binary_form.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "model/binary_scalar.h"
#include "model/byte_cursor.h"
#include "model/type_oid.h"

namespace lockstep::model {
namespace {

// Rows in arrays in rows ...: each level takes a piece of the stack.
constexpr int kDeepest = 50;

// The blanks of array_in and record_in.
constexpr std::string_view kBlanks = " \t\n\v\f\r";

bool HasAny(std::string_view text, std::string_view characters) {
  return text.find_first_of(characters) != std::string_view::npos;
}

bool IsNullWord(std::string_view text) {
  constexpr std::string_view kNull = "null";
  return std::ranges::equal(text, kNull, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

// Quotes what stands in `out` from `start` on, as an array's element: a backslash before quotes and
// backslashes.
void QuoteElement(std::size_t start, char delimiter, std::string& out) {
  const std::string_view text = std::string_view(out).substr(start);
  if (!text.empty() && !IsNullWord(text) && !HasAny(text, "\"\\{}") && !HasAny(text, kBlanks) &&
      text.find(delimiter) == std::string_view::npos) {
    return;
  }
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') quoted.push_back('\\');
    quoted.push_back(c);
  }
  quoted.push_back('"');
  out.replace(start, std::string::npos, quoted);
}

// The same as a range's bound or a row's field: quotes and backslashes doubled. `special` are the
// characters besides these and blanks that have to be quoted.
void QuoteField(std::size_t start, std::string_view special, std::string& out) {
  const std::string_view text = std::string_view(out).substr(start);
  if (!text.empty() && !HasAny(text, "\"\\") && !HasAny(text, special) && !HasAny(text, kBlanks))
    return;
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') quoted.push_back(c);
    quoted.push_back(c);
  }
  quoted.push_back('"');
  out.replace(start, std::string::npos, quoted);
}

// Prints one value. The first error stays and ends everything.
class Printer {
 public:
  explicit Printer(const TypeCatalog& types) : types_(types) {}

  // Appends the text of all of `bytes`, a value of type `oid`.
  Result<void> Print(Oid oid, std::string_view bytes, int depth, std::string& out) {
    if (depth > kDeepest) {
      return Fail(ErrorKind::kUnsupported,
                  fmt::format("values within values, more than {} deep", kDeepest));
    }
    const Oid base = types_.BaseOf(oid);
    ByteCursor in(bytes);
    if (IsBinaryScalar(base)) {
      AppendBinaryScalar(base, in, out);
    } else if (auto parts = PrintParts(base, in, depth, out); !parts) {
      return parts;
    }
    if (out.size() > kLongestText) {
      return Fail(ErrorKind::kUnsupported, fmt::format("the text form is longer than {} MB; follow "
                                                       "it with pgoutput as text",
                                                       kLongestText >> 20));
    }
    return in.Finish();
  }

 private:
  Result<void> PrintParts(Oid oid, ByteCursor& in, int depth, std::string& out) {
    const Type* type = types_.Find(oid);
    if (!type) {
      return Fail(ErrorKind::kMisfit,
                  fmt::format("type OID {} was not there when the listener attached; attach again",
                              oid.value));
    }
    switch (type->kind) {
      case TypeKind::kEnum:
        out += in.Rest();
        return {};
      case TypeKind::kArray:
        return PrintArray(*type, in, depth, out);
      case TypeKind::kRange:
        return PrintRange(*type, in, depth, out);
      case TypeKind::kMultirange:
        return PrintMultirange(*type, in, depth, out);
      case TypeKind::kComposite:
        return PrintComposite(in, depth, out);
      case TypeKind::kBase:
      case TypeKind::kDomain:  // of a type that is not in the catalog, or a ring
        break;
    }
    return Fail(ErrorKind::kUnsupported,
                fmt::format("the binary form of {} is not read; follow it with pgoutput as text",
                            type->name));
  }

  struct Dimension {
    std::int32_t size = 0;
    std::int32_t lower = 0;
  };
  struct Array {
    std::array<Dimension, 6> dimensions;  // MAXDIM of the server
    std::size_t count = 0;                // of dimensions
    Oid element;
    char delimiter = ',';
    int depth = 0;
  };

  Result<void> PrintArray(const Type& type, ByteCursor& in, int depth, std::string& out) {
    const std::size_t at = in.offset();
    Array array;
    array.depth = depth + 1;
    array.count = in.Integer<std::uint32_t>("array dimensions");
    in.Integer<std::int32_t>("whether the array has nulls");
    array.element = Oid{in.Integer<std::uint32_t>("element type")};
    if (types_.BaseOf(array.element) == type_oid::kBox) array.delimiter = ';';
    if (in.ok() && (array.count > array.dimensions.size() || array.element != type.related)) {
      in.Refuse("array", at,
                fmt::format("{} dimensions of elements of type OID {}, expected at most {} of {}",
                            array.count, array.element.value, array.dimensions.size(),
                            type.related.value));
    }
    if (!in.ok()) return in.Finish();
    if (array.count == 0) {
      out += "{}";
      return {};
    }
    ReadDimensions(array, in);
    if (!in.ok()) return in.Finish();
    PrintBounds(array, out);
    return PrintDimension(array, 0, in, out);
  }

  // Each element takes at least its length: more than that many cannot follow.
  static void ReadDimensions(Array& array, ByteCursor& in) {
    const std::size_t at = in.offset();
    std::uint64_t elements = 1;
    for (std::size_t i = 0; i < array.count; ++i) {
      Dimension& dimension = array.dimensions[i];
      dimension.size = in.Integer<std::int32_t>("dimension size");
      dimension.lower = in.Integer<std::int32_t>("lower bound");
      if (dimension.size <= 0 || std::int64_t{dimension.lower} + dimension.size > INT32_MAX) {
        in.Refuse("dimension", at, "its bounds are not possible");
        return;
      }
      elements *= static_cast<std::uint64_t>(dimension.size);
      if (elements > in.left() / 4) {
        in.Refuse("dimension", at, "more elements than the value holds");
        return;
      }
    }
  }

  static void PrintBounds(const Array& array, std::string& out) {
    const auto begin = array.dimensions.begin();
    const auto end = begin + static_cast<std::ptrdiff_t>(array.count);
    if (std::all_of(begin, end, [](const Dimension& d) { return d.lower == 1; })) return;
    for (auto it = begin; it != end; ++it)
      out += fmt::format("[{}:{}]", it->lower, it->lower + it->size - 1);
    out.push_back('=');
  }

  Result<void> PrintDimension(const Array& array, std::size_t level, ByteCursor& in,
                              std::string& out) {
    out.push_back('{');
    for (std::int32_t i = 0; i < array.dimensions[level].size; ++i) {
      if (i > 0) out.push_back(array.delimiter);
      if (level + 1 < array.count) {
        if (auto ok = PrintDimension(array, level + 1, in, out); !ok) return ok;
        continue;
      }
      const std::size_t start = out.size();
      auto is_value = PrintPart(array.element, in, array.depth, out);
      if (!is_value) return std::unexpected(std::move(is_value.error()));
      if (*is_value) {
        QuoteElement(start, array.delimiter, out);
      } else {
        out += "NULL";
      }
    }
    out.push_back('}');
    return {};
  }

  Result<void> PrintRange(const Type& type, ByteCursor& in, int depth, std::string& out) {
    constexpr std::uint8_t kEmpty = 0x01;
    constexpr std::uint8_t kLowerIncluded = 0x02;
    constexpr std::uint8_t kUpperIncluded = 0x04;
    constexpr std::uint8_t kNoLower = 0x08 | 0x20;
    constexpr std::uint8_t kNoUpper = 0x10 | 0x40;
    const auto flags = in.Integer<std::uint8_t>("range flags");
    if (!in.ok()) return in.Finish();
    if ((flags & kEmpty) != 0) {
      out += "empty";
      return {};
    }
    const auto bound = [&]() -> Result<void> {
      const std::size_t start = out.size();
      const std::size_t at = in.offset();
      auto is_value = PrintPart(type.related, in, depth + 1, out);
      if (!is_value) return std::unexpected(std::move(is_value.error()));
      if (!*is_value) in.Refuse("bound", at, "is null");
      QuoteField(start, "()[],", out);
      return {};
    };
    out.push_back((flags & kLowerIncluded) != 0 ? '[' : '(');
    if ((flags & kNoLower) == 0) {
      if (auto ok = bound(); !ok) return ok;
    }
    out.push_back(',');
    if ((flags & kNoUpper) == 0) {
      if (auto ok = bound(); !ok) return ok;
    }
    out.push_back((flags & kUpperIncluded) != 0 ? ']' : ')');
    return {};
  }

  Result<void> PrintMultirange(const Type& type, ByteCursor& in, int depth, std::string& out) {
    const auto count = in.Integer<std::uint32_t>("range count");
    out.push_back('{');
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
      if (i > 0) out.push_back(',');
      const std::size_t at = in.offset();
      auto is_value = PrintPart(type.related, in, depth + 1, out);
      if (!is_value) return std::unexpected(std::move(is_value.error()));
      if (!*is_value) in.Refuse("range", at, "is null");
    }
    out.push_back('}');
    return {};
  }

  Result<void> PrintComposite(ByteCursor& in, int depth, std::string& out) {
    const auto count = in.Integer<std::uint32_t>("field count");
    out.push_back('(');
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
      if (i > 0) out.push_back(',');
      const Oid type{in.Integer<std::uint32_t>("field type")};
      const std::size_t start = out.size();
      auto is_value = PrintPart(type, in, depth + 1, out);
      if (!is_value) return std::unexpected(std::move(is_value.error()));
      if (*is_value) QuoteField(start, "(),", out);
    }
    out.push_back(')');
    return {};
  }

  // A length and so many bytes of a value; false when it is null.
  Result<bool> PrintPart(Oid type, ByteCursor& in, int depth, std::string& out) {
    const std::size_t at = in.offset();
    const auto length = in.Integer<std::int32_t>("length");
    if (in.ok() && length == -1) return false;
    if (length < 0) in.Refuse("length", at, "is negative");
    const auto bytes = in.Bytes(static_cast<std::size_t>(std::max(length, 0)), "value");
    if (!in.ok()) return std::unexpected(std::move(in.Finish().error()));
    auto printed = Print(type, bytes, depth, out);
    if (!printed) {
      return Fail(fmt::format("the part at byte {}", in.offset() - bytes.size()),
                  std::move(printed.error()));
    }
    return true;
  }

  const TypeCatalog& types_;
};

}  // namespace

Result<void> AppendFromBinary(const Column& column, const TypeCatalog& types,
                              std::string_view bytes, RowBuilder& row) {
  const auto fail = [&](Error error) {
    return Fail(fmt::format("column {} ({})", column.name, column.type_name), std::move(error));
  };
  if (HasOwnValue(column.type)) {
    ByteCursor in(bytes);
    std::string scratch;
    const Value value = ReadBinaryValue(column.type, in, scratch);
    if (auto ok = in.Finish(); !ok) return fail(std::move(ok.error()));
    row.Add(value);
    return {};
  }
  std::string text;
  if (auto ok = Printer(types).Print(column.type, bytes, 0, text); !ok)
    return fail(std::move(ok.error()));
  row.Add(Value(Other{column.type_name, text}));
  return {};
}

bool ReadsBinaryForm(const TypeCatalog& types, Oid oid) {
  for (int depth = 0; depth < kDeepest; ++depth) {
    oid = types.BaseOf(oid);
    if (IsBinaryScalar(oid)) return true;
    const Type* type = types.Find(oid);
    if (!type || type->kind == TypeKind::kBase) return false;
    if (type->kind == TypeKind::kEnum || type->kind == TypeKind::kComposite) return true;
    oid = type->related;
  }
  return false;
}

}  // namespace lockstep::model
