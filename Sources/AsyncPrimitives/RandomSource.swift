/// Randomness as a parameter, so that a run can be repeated.
package struct RandomSource: Sendable {
    private let next: @Sendable () -> UInt64

    package init(_ next: @escaping @Sendable () -> UInt64) { self.next = next }

    package static let system = RandomSource { UInt64.random(in: 0 ... .max) }

    /// Uniform in [0, 1).
    package func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
}

extension RandomSource {
    /// Not zero: the ids of traces and spans.
    package func identifier() -> UInt64 { UInt64(unit() * 0x1p52) << 12 | UInt64(unit() * 0xFFE) + 1 }
}

extension RandomSource {
    /// The same numbers for the same seed.
    package static func seeded(_ seed: UInt64) -> RandomSource {
        let state = LockedValue(SplitMix(state: seed))
        return RandomSource { state.withLock { $0.next() } }
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014).
package struct SplitMix: RandomNumberGenerator, Sendable {
    package var state: UInt64

    package init(state: UInt64) { self.state = state }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mixed(state)
    }

    /// Every bit of the result depends on every bit of the value.
    package static func mixed(_ value: UInt64) -> UInt64 {
        var value = value
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
