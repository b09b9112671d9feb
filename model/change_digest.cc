#include "model/change_digest.h"

#include <cstdint>

namespace lockstep::model {

void ChangeDigest::Insert(std::string_view table, const Row& row) {
  Begin('I', rows_);
  Add(table);
  Add(row.bytes());
  rows_ = HashBytes(buffer_);
}

void ChangeDigest::Update(std::string_view table, const Row* old_key, const Row& row) {
  Begin(old_key ? 'K' : 'U', rows_);
  Add(table);
  if (old_key) Add(old_key->bytes());
  Add(row.bytes());
  rows_ = HashBytes(buffer_);
}

void ChangeDigest::Delete(std::string_view table, const Row& key) {
  Begin('D', rows_);
  Add(table);
  Add(key.bytes());
  rows_ = HashBytes(buffer_);
}

void ChangeDigest::Truncate(std::string_view table) {
  Begin('T', rows_);
  Add(table);
  rows_ = HashBytes(buffer_);
}

void ChangeDigest::Message(std::string_view prefix, std::string_view content) {
  Begin('M', messages_);
  Add(prefix);
  Add(content);
  messages_ = HashBytes(buffer_);
}

Digest ChangeDigest::digest() const {
  Digest digest = rows_;
  digest += messages_;
  return digest;
}

void ChangeDigest::Clear() {
  rows_ = {};
  messages_ = {};
}

void ChangeDigest::Begin(char operation, const Digest& chain) {
  buffer_.clear();
  for (std::uint64_t half : {chain.high, chain.low}) {
    for (int i = 0; i < 8; ++i, half >>= 8) buffer_.push_back(static_cast<char>(half));
  }
  buffer_.push_back(operation);
}

void ChangeDigest::Add(std::string_view part) {
  AppendVarint(part.size(), buffer_);
  buffer_ += part;
}

}  // namespace lockstep::model
