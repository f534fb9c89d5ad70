/// Floats in the shortest decimal form that reads back the same, written into bytes.
///
/// Schubfach: Raffaello Giulietti, "The Schubfach way to render doubles" (2021), for 32 bits; of several shortest forms the closest. `Float.description` has the
/// same digits, and makes a string of each float, of which a vector has 1,536.
package enum FloatText {
    /// The most that `write` may need, "-1.17549435e-38" among them.
    package static let longest = 16

    /// Writes a finite number as JSON; returns the number of bytes.
    @inline(__always)
    package static func write(_ value: Float, to target: UnsafeMutablePointer<UInt8>) -> Int {
        var length = 0
        if value.sign == .minus {
            target[0] = 0x2D
            length = 1
        }
        guard value != 0 else {
            target[length] = 0x30
            return length + 1
        }
        let (digits, exponent) = decimal(value.bitPattern & 0x7FFF_FFFF)
        return length + write(digits, exponent, target + length)
    }

    /// `digits` times ten to the power of `exponent`, without a fraction of zeros.
    private static func write(_ digits: UInt32, _ exponent: Int32, _ target: UnsafeMutablePointer<UInt8>) -> Int {
        var digits = digits
        var exponent = exponent
        while digits % 10 == 0 {
            digits /= 10
            exponent += 1
        }
        let count = Self.count(digits)
        let point = count + Int(exponent)
        switch point {
        case -4...0:
            // 0.000123: most components of vectors. With more zeros it would be longer than with an exponent.
            target[0] = 0x30
            target[1] = 0x2E
            for place in 0..<(-point) { target[2 + place] = 0x30 }
            put(digits, count, target + 2 - point)
            return 2 - point + count
        case 1...9 where exponent >= 0:
            put(digits, count, target)
            for place in count..<point { target[place] = 0x30 }
            return point
        case 1...9:
            put(digits, count, target + 1)
            for place in 0..<point { target[place] = target[place + 1] }
            target[point] = 0x2E
            return count + 1
        default: return writeWithExponent(digits, count, point - 1, target)
        }
    }

    /// 1.23e-20
    private static func writeWithExponent(
        _ digits: UInt32,
        _ count: Int,
        _ exponent: Int,
        _ target: UnsafeMutablePointer<UInt8>
    ) -> Int {
        put(digits, count, target + 1)
        target[0] = target[1]
        target[1] = 0x2E
        var length = count == 1 ? 1 : count + 1
        target[length] = 0x65
        length += 1
        if exponent < 0 {
            target[length] = 0x2D
            length += 1
        }
        let size = abs(exponent)
        if size >= 10 {
            target[length] = 0x30 + UInt8(size / 10)
            length += 1
        }
        target[length] = 0x30 + UInt8(size % 10)
        return length + 1
    }

    @inline(__always)
    private static func put(_ digits: UInt32, _ count: Int, _ target: UnsafeMutablePointer<UInt8>) {
        var left = digits
        var place = count
        while place >= 2 {
            let (quotient, pair) = left.quotientAndRemainder(dividingBy: 100)
            target[place - 1] = 0x30 + UInt8(truncatingIfNeeded: pair % 10)
            target[place - 2] = 0x30 + UInt8(truncatingIfNeeded: pair / 10)
            left = quotient
            place -= 2
        }
        if place == 1 { target[0] = 0x30 + UInt8(truncatingIfNeeded: left) }
    }

    @inline(__always)
    private static func count(_ digits: UInt32) -> Int {
        if digits >= 10_000_000 { return digits >= 100_000_000 ? 9 : 8 }
        if digits >= 100_000 { return digits >= 1_000_000 ? 7 : 6 }
        if digits >= 1000 { return digits >= 10_000 ? 5 : 4 }
        return digits >= 100 ? 3 : digits >= 10 ? 2 : 1
    }

    /// The shortest decimal in the interval that rounds to this positive float.
    private static func decimal(_ bits: UInt32) -> (digits: UInt32, exponent: Int32) {
        let fraction = bits & 0x7F_FFFF
        let biased = Int32(bits >> 23)
        let mantissa = biased == 0 ? fraction : fraction | 0x80_0000
        let power = (biased == 0 ? 1 : biased) - 150
        if power <= 0, power > -24, mantissa & ((1 << UInt32(-power)) - 1) == 0 {
            return (mantissa >> UInt32(-power), 0)
        }
        // The interval's ends are in it where the mantissa is even.
        let excluded = mantissa & 1
        // Below a power of two the next float is half as far.
        let isCloser = fraction == 0 && biased > 1
        let exponent = (power * 1_262_611 - (isCloser ? 524_031 : 0)) >> 22
        let shift = UInt32(truncatingIfNeeded: power + ((-exponent * 1_741_647) >> 19) + 1)
        return powers.withUnsafeBufferPointer { powers in
            let scale = powers[Int(31 - exponent)]
            let low = scaled(scale, (4 * mantissa - (isCloser ? 1 : 2)) << shift) + excluded
            let middle = scaled(scale, 4 * mantissa << shift)
            let high = scaled(scale, (4 * mantissa + 2) << shift) - excluded
            let units = middle / 4
            if units >= 10 {
                let tens = units / 10
                let fitsBelow = low <= 40 * tens
                let fitsAbove = 40 * tens + 40 <= high
                if fitsBelow != fitsAbove { return (tens + (fitsAbove ? 1 : 0), exponent + 1) }
            }
            let fitsBelow = low <= 4 * units
            let fitsAbove = 4 * units + 4 <= high
            if fitsBelow != fitsAbove { return (units + (fitsAbove ? 1 : 0), exponent) }
            let half = 4 * units + 2
            let roundsUp = middle > half || middle == half && units & 1 != 0
            return (units + (roundsUp ? 1 : 0), exponent)
        }
    }

    /// The upper 32 of 96 bits; the last one is set where a bit below is, so that no comparison takes it for a whole number.
    @inline(__always)
    private static func scaled(_ scale: UInt64, _ value: UInt32) -> UInt32 {
        let low = (scale & 0xFFFF_FFFF) * UInt64(value)
        let high = (scale >> 32) * UInt64(value) + (low >> 32)
        return UInt32(truncatingIfNeeded: high >> 32) | (UInt32(truncatingIfNeeded: high) > 1 ? 1 : 0)
    }

    /// Ten to the powers of -31 to 45, with 64 significant bits, rounded up.
    private static let powers: [UInt64] = [
        0x81CE_B32C_4B43_FCF5, 0xA242_5FF7_5E14_FC32, 0xCAD2_F7F5_359A_3B3F, 0xFD87_B5F2_8300_CA0E,
        0x9E74_D1B7_91E0_7E49, 0xC612_0625_7658_9DDB, 0xF796_87AE_D3EE_C552, 0x9ABE_14CD_4475_3B53,
        0xC16D_9A00_9592_8A28, 0xF1C9_0080_BAF7_2CB2, 0x971D_A050_74DA_7BEF, 0xBCE5_0864_9211_1AEB,
        0xEC1E_4A7D_B695_61A6, 0x9392_EE8E_921D_5D08, 0xB877_AA32_36A4_B44A, 0xE695_94BE_C44D_E15C,
        0x901D_7CF7_3AB0_ACDA, 0xB424_DC35_095C_D810, 0xE12E_1342_4BB4_0E14, 0x8CBC_CC09_6F50_88CC,
        0xAFEB_FF0B_CB24_AAFF, 0xDBE6_FECE_BDED_D5BF, 0x8970_5F41_36B4_A598, 0xABCC_7711_8461_CEFD,
        0xD6BF_94D5_E57A_42BD, 0x8637_BD05_AF6C_69B6, 0xA7C5_AC47_1B47_8424, 0xD1B7_1758_E219_652C,
        0x8312_6E97_8D4F_DF3C, 0xA3D7_0A3D_70A3_D70B, 0xCCCC_CCCC_CCCC_CCCD, 0x8000_0000_0000_0000,
        0xA000_0000_0000_0000, 0xC800_0000_0000_0000, 0xFA00_0000_0000_0000, 0x9C40_0000_0000_0000,
        0xC350_0000_0000_0000, 0xF424_0000_0000_0000, 0x9896_8000_0000_0000, 0xBEBC_2000_0000_0000,
        0xEE6B_2800_0000_0000, 0x9502_F900_0000_0000, 0xBA43_B740_0000_0000, 0xE8D4_A510_0000_0000,
        0x9184_E72A_0000_0000, 0xB5E6_20F4_8000_0000, 0xE35F_A931_A000_0000, 0x8E1B_C9BF_0400_0000,
        0xB1A2_BC2E_C500_0000, 0xDE0B_6B3A_7640_0000, 0x8AC7_2304_89E8_0000, 0xAD78_EBC5_AC62_0000,
        0xD8D7_26B7_177A_8000, 0x8786_7832_6EAC_9000, 0xA968_163F_0A57_B400, 0xD3C2_1BCE_CCED_A100,
        0x8459_5161_4014_84A0, 0xA56F_A5B9_9019_A5C8, 0xCECB_8F27_F420_0F3A, 0x813F_3978_F894_0985,
        0xA18F_07D7_36B9_0BE6, 0xC9F2_C9CD_0467_4EDF, 0xFC6F_7C40_4581_2297, 0x9DC5_ADA8_2B70_B59E,
        0xC537_1912_364C_E306, 0xF684_DF56_C3E0_1BC7, 0x9A13_0B96_3A6C_115D, 0xC097_CE7B_C907_15B4,
        0xF0BD_C21A_BB48_DB21, 0x9676_9950_B50D_88F5, 0xBC14_3FA4_E250_EB32, 0xEB19_4F8E_1AE5_25FE,
        0x92EF_D1B8_D0CF_37BF, 0xB7AB_C627_0503_05AE, 0xE596_B7B0_C643_C71A, 0x8F7E_32CE_7BEA_5C70,
        0xB35D_BF82_1AE4_F38C,
    ]
}
