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
