import AsyncPrimitives

/// What may go wrong outside the code under test.
enum Fault: String, CaseIterable, Sendable {
    /// The connection breaks before anything happened.
    case refused
    /// The effect is there, the answer is not.
    case answerLost = "answer-lost"
    case slow
    /// 429, SlowDown, ThrottlingException.
    case throttled
    case serverError = "server-error"
    /// The cluster takes nothing from us, or the provider's account is empty: what pauses a fleet.
    case blocked
    /// A load balancer or proxy answers in a server's place: an HTML page with any status, a redirect.
    case foreign
    /// The provider's answer cannot be used: no data, a missing or zero vector.
    case unusable
    /// Some items of a batch fail.
    case itemFailed = "item-failed"
    /// A queue delivers a message twice, or S3 sends an event twice.
    case duplicated
    /// A body ends early.
    case truncated
    /// Session keys end at once.
    case expired
    /// A process ends in the middle of a call.
    case crash
    /// SIGTERM.
    case stop
    /// A payload object disappears.
    case handoffLost = "hand-over-lost"
    /// A lease ends although the worker lives.
    case leaseLost = "lease-lost"
}

/// Which faults strike when. All randomness but the order of tasks comes from here; a subset of the strikes can be repeated.
struct FaultPlan: Sendable {
    private var random: SplitMix
    private let intensity: [Fault: Double]
    /// Numbers of the strikes that may happen; nil for all.
    private let permitted: Set<Int>?
    private(set) var strikes = 0
    private(set) var fired: [(number: Int, fault: Fault)] = []

    init(seed: UInt64, intensity: [Fault: Double], permitted: Set<Int>? = nil) {
        random = SplitMix(state: seed)
        self.intensity = intensity
        self.permitted = permitted
    }

    mutating func strikes(_ fault: Fault) -> Bool {
        guard let probability = intensity[fault], random.chance(probability) else { return false }
        strikes += 1
        guard permitted?.contains(strikes) ?? true else { return false }
        fired.append((strikes, fault))
        return true
    }

    mutating func draw(_ range: ClosedRange<Int>) -> Int { random.draw(range) }
    mutating func chance(_ probability: Double) -> Bool { random.chance(probability) }
    mutating func shuffle<Element>(_ elements: inout [Element]) { elements.shuffle(using: &random) }
}
