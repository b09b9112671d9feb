#include "model/change_digest.h"

#include <cstdint>

namespace lockstep::model {

void ChangeDigest::Insert(std::string_view table, const Row& row) {
  Begin('I');
  Add(table);
  Add(row.bytes());
  End();
}

void ChangeDigest::Update(std::string_view table, const Row* old_key, const Row& row) {
  Begin(old_key ? 'K' : 'U');
  Add(table);
  if (old_key) Add(old_key->bytes());
  Add(row.bytes());
  End();
}

void ChangeDigest::Delete(std::string_view table, const Row& key) {
  Begin('D');
  Add(table);
  Add(key.bytes());
  End();
}

void ChangeDigest::Truncate(std::string_view table) {
  Begin('T');
  Add(table);
  End();
}

void ChangeDigest::Message(std::string_view prefix, std::string_view content) {
  Begin('M');
  Add(prefix);
  Add(content);
  End();
}

void ChangeDigest::Begin(char operation) {
  buffer_.clear();
  for (std::uint64_t half : {state_.high, state_.low}) {
    for (int i = 0; i < 8; ++i, half >>= 8) buffer_.push_back(static_cast<char>(half));
  }
  buffer_.push_back(operation);
}

void ChangeDigest::Add(std::string_view part) {
  AppendVarint(part.size(), buffer_);
  buffer_ += part;
}

void ChangeDigest::End() { state_ = HashBytes(buffer_); }

}  // namespace lockstep::model
