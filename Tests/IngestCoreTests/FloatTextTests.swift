import AsyncPrimitives
import Testing
import TextCoding

@Suite struct FloatTextTests {
    private func text(_ value: Float) -> String {
        String(unsafeUninitializedCapacity: FloatText.longest) { buffer in
            buffer.baseAddress.map { FloatText.write(value, to: $0) } ?? 0
        }
    }

    @Test(arguments: [
        (Float(0), "0"), (Float(-0.0), "-0"), (1, "1"), (-1, "-1"), (0.5, "0.5"), (0.1, "0.1"),
        (-0.012345678, "-0.012345678"),
        (123456792, "123456790"),
        (1e-7, "1e-7"), (1.2345e-5, "0.000012345"), (-1.23456789e-5, "-0.000012345679"), (1e-6, "1e-6"),
        (1e-10, "1e-10"), (1.25e-20, "1.25e-20"), (3.4028235e38, "3.4028235e38"),
        (1.1754944e-38, "1.1754944e-38"), (.leastNonzeroMagnitude, "1e-45"), (16777216, "16777216"),
        (33554432, "33554432"),
        (12.5, "12.5"), (-123.456, "-123.456"),
        (1e9, "1e9"), (0.001953125, "0.001953125"), (9.5367431640625e-07, "9.536743e-7"),
    ])
    func formsAreTheShortest(_ value: Float, _ expected: String) {
        #expect(text(value) == expected)
    }

    /// As many digits as Swift's own, which are the fewest; and the same number again.
    @Test func everyFloatReadsBackTheSame() throws {
        var generator = SplitMix(state: 20_261_128)
        var wrong: [UInt32] = []
        func check(_ value: Float) {
            guard value.isFinite else { return }
            let written = text(value)
            let isSame = Float(written)?.bitPattern == value.bitPattern
            if !isSame || digits(written) != digits(value.description) || written.utf8.count > FloatText.longest {
                wrong.append(value.bitPattern)
            }
        }
        // Around every power of two and of ten, and anywhere.
        for exponent in UInt32(0)..<255 {
            for fraction: UInt32 in [0, 1, 2, 0x3F_FFFF, 0x40_0000, 0x7F_FFFE, 0x7F_FFFF] {
                check(Float(bitPattern: exponent << 23 | fraction))
            }
        }
        for power in -45...38 {
            guard let near = Float("1e\(power)") else { continue }
            for step in 0..<3 { check(Float(bitPattern: near.bitPattern &+ UInt32(step) &- 1)) }
        }
        for _ in 0..<300_000 {
            check(Float(bitPattern: UInt32(truncatingIfNeeded: generator.next())))
            check(Float(Int32(truncatingIfNeeded: generator.next())) / Float(Int32.max) * 0.1)
        }
        #expect(wrong.isEmpty as Bool, "\(wrong.count), \(wrong.prefix(10))")
    }

    private func digits(_ text: String) -> String {
        let mantissa = text.utf8.prefix { $0 != UInt8(ascii: "e") }.filter { $0 >= 0x30 && $0 <= 0x39 }
        let significant = mantissa.drop { $0 == 0x30 }
        return String(decoding: significant.reversed().drop { $0 == 0x30 }, as: UTF8.self)
    }

    @Test func vectorsAreArrays() {
        var writer = JSONWriter()
        writer.object { json in
            json.key("a")
            json.floats([])
            json.key("b")
            json.floats((0..<70).map { Float($0) / 4 })
            json.field("c", 1)
        }
        let expected = (0..<70).map { text(Float($0) / 4) }.joined(separator: ",")
        #expect(String(decoding: writer.bytes, as: UTF8.self) == #"{"a":[],"b":["# + expected + #"],"c":1}"#)
    }
}
