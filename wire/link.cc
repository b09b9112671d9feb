#include "wire/link.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace lockstep::wire {

Link::Link(std::uint64_t incarnation, LinkOptions options)
    : options_(options),
      incarnation_(incarnation),
      probe_after_(options.probe_after),
      retry_after_(options.retry_after) {
  assert(incarnation != 0);
}

void Link::Send(Encoded message) {
  assert(message.body != nullptr);
  kept_bytes_ += message.size();
  kept_.push_back(std::move(message));
  ++next_;
}

std::optional<Link::Outgoing> Link::Peek(Time now) const {
  if (now < retry_at_ || (!HasMessageToSend() && !HasHeaderToSend())) return std::nullopt;
  Outgoing outgoing;
  outgoing.header = LinkHeader{
      .incarnation = incarnation_,
      .sequence = HasMessageToSend() ? cursor_ : 0,
      .oldest = oldest_,
      .last = next_ - 1,
      .acknowledged = peer_incarnation_ != 0 ? expected_ - 1 : 0,
      .acknowledged_incarnation = peer_incarnation_,
      .resend_from = request_ ? expected_ : 0,
      .wants_answer = probe_,
  };
  if (HasMessageToSend()) {
    outgoing.message = &kept_[static_cast<std::size_t>(cursor_ - oldest_)];
  }
  return outgoing;
}

void Link::Transmitted(Time now) {
  if (HasMessageToSend()) {
    ++cursor_;
    if (probe_at_ == kNever) probe_at_ = now + probe_after_;
  }
  retry_at_ = Time::min();
  retry_after_ = options_.retry_after;
  acknowledge_ = request_ = probe_ = false;
  acknowledge_at_ = kNever;
  delivered_messages_ = 0;
  delivered_bytes_ = 0;
}

void Link::Unreachable(Time now) {
  // What a header alone says will be asked for again by the peer; only messages are worth waking up
  // for.
  acknowledge_ = request_ = probe_ = false;
  if (!HasMessageToSend()) return;
  retry_at_ = now + retry_after_;
  retry_after_ = std::min(2 * retry_after_, options_.retry_after_max);
}

Link::Arrival Link::Receive(const LinkHeader& header, std::size_t body_bytes, Time now) {
  assert(header.incarnation != 0 && header.oldest != 0);
  Arrival arrival;
  if (header.incarnation != peer_incarnation_) {
    // A header of a dead incarnation may arrive late; nothing in it is true any more.
    if (std::ranges::find(retired_incarnations_, header.incarnation) !=
        retired_incarnations_.end()) {
      return arrival;
    }
    MeetIncarnation(header, arrival);
  }
  retry_at_ = Time::min();

  if (header.acknowledged_incarnation == incarnation_) {
    Acknowledge(header.acknowledged, now);
    if (header.resend_from != 0) {
      cursor_ = std::min(cursor_, std::max(header.resend_from, oldest_));
    }
  }

  if (header.oldest > expected_) {
    // Acknowledged by an earlier incarnation of this process; harmless as long as this one has
    // delivered nothing.
    if (has_delivered_) arrival.lost = header.oldest - expected_;
    expected_ = header.oldest;
    request_at_ = kNever;
  }
  if (header.wants_answer) acknowledge_ = true;
  if (header.sequence == expected_) {
    arrival.deliver = true;
    Accept(body_bytes, now);
  } else if (header.sequence != 0 && header.sequence < expected_) {
    // Repeated: the sender may not know that we have it.
    acknowledge_at_ = std::min(acknowledge_at_, now + options_.acknowledge_delay);
  } else if (header.sequence > expected_ || header.last >= expected_) {
    AskAgain(now);
  }
  return arrival;
}

void Link::MeetIncarnation(const LinkHeader& header, Arrival& arrival) {
  arrival.started = true;
  arrival.restarted = peer_incarnation_ != 0;
  if (arrival.restarted) retired_incarnations_.push_back(peer_incarnation_);
  peer_incarnation_ = header.incarnation;
  expected_ = header.oldest;
  has_delivered_ = false;
  request_at_ = kNever;
  acknowledge_at_ = kNever;
  acknowledge_ = request_ = false;
  delivered_messages_ = 0;
  delivered_bytes_ = 0;
  if (!arrival.restarted) return;

  if (!options_.resend_to_new_incarnation) {
    arrival.discarded = kept_.size();
    Forget();
  } else if (header.acknowledged_incarnation != incarnation_) {
    // It has heard nothing of us yet. Otherwise it knows what it misses, and says so.
    cursor_ = oldest_;
  }
}

void Link::Acknowledge(std::uint64_t up_to, Time now) {
  // What was never sent cannot be acknowledged: a header that says so is not believed.
  if (up_to < oldest_ || up_to >= next_) return;
  while (oldest_ <= up_to) {
    kept_bytes_ -= kept_.front().size();
    kept_.pop_front();
    ++oldest_;
  }
  cursor_ = std::max(cursor_, oldest_);
  probe_after_ = options_.probe_after;
  probe_at_ = kept_.empty() ? kNever : now + probe_after_;
}

void Link::Accept(std::size_t body_bytes, Time now) {
  ++expected_;
  has_delivered_ = true;
  request_at_ = kNever;
  ++delivered_messages_;
  delivered_bytes_ += body_bytes;
  if (delivered_messages_ >= options_.acknowledge_messages ||
      delivered_bytes_ >= options_.acknowledge_bytes) {
    acknowledge_ = true;
  }
  if (acknowledge_at_ == kNever) acknowledge_at_ = now + options_.acknowledge_delay;
}

void Link::AskAgain(Time now) {
  if (request_at_ != kNever && now < request_at_) return;
  request_ = true;
  request_at_ = now + options_.request_interval;
}

void Link::Forget() {
  kept_.clear();
  kept_bytes_ = 0;
  oldest_ = cursor_ = next_;
  probe_at_ = kNever;
}

void Link::Tick(Time now) {
  if (acknowledge_at_ <= now) {
    acknowledge_ = true;
    acknowledge_at_ = kNever;
  }
  if (request_at_ <= now) AskAgain(now);
  if (probe_at_ <= now) {
    probe_ = true;
    probe_after_ = std::min(2 * probe_after_, options_.probe_after_max);
    probe_at_ = now + probe_after_;
  }
}

void Link::AcknowledgeNow() {
  if (acknowledge_at_ == kNever) return;
  acknowledge_ = true;
  acknowledge_at_ = kNever;
}

std::optional<Time> Link::NextDeadline() const {
  Time deadline = std::min({probe_at_, acknowledge_at_, request_at_});
  if (HasMessageToSend() || HasHeaderToSend()) deadline = std::min(deadline, retry_at_);
  if (deadline == kNever) return std::nullopt;
  return deadline;
}

}  // namespace lockstep::wire
