import CPlatform
import Glibc

/// A point of UTC time in milliseconds since 1970.
package struct Timestamp: Hashable, Comparable, Sendable, Codable {
    package var milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    package static var current: Timestamp {
        Timestamp(milliseconds: platform_wall_clock_milliseconds())
    }

    /// The years 0 to 9999: what ISO 8601 and HTTP dates can say, and what sums and differences of times cannot overflow on.
    private static let range = -62_167_219_200_000...253_402_300_799_999 as ClosedRange<Int64>

    /// A time from outside; nil when it is out of the years 0 to 9999.
    package init?(checkedMilliseconds milliseconds: Int64) {
        guard Self.range.contains(milliseconds) else { return nil }
        self.milliseconds = milliseconds
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let time = Timestamp(checkedMilliseconds: try container.decode(Int64.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a time of the years 0 to 9999")
        }
        self = time
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(milliseconds)
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }

    package func advanced(by duration: Duration) -> Timestamp {
        Timestamp(milliseconds: milliseconds + Int64(duration.milliseconds))
    }

    package func duration(since earlier: Timestamp) -> Duration { .milliseconds(milliseconds - earlier.milliseconds) }

    private var fields: (date: tm, milliseconds: Int64) {
        var seconds = Int(milliseconds.quotient(flooringBy: 1000))
        var date = tm()
        gmtime_r(&seconds, &date)
        return (date, milliseconds - Int64(seconds) * 1000)
    }

    /// `20150830T123600Z`, as signatures have it.
    package var basic: String {
        let (date, _) = fields
        return "\(day)T\(Self.padded(date.tm_hour))\(Self.padded(date.tm_min))\(Self.padded(date.tm_sec))Z"
    }

    /// `20150830`.
    package var day: String {
        let (date, _) = fields
        return "\(date.tm_year + 1900)\(Self.padded(date.tm_mon + 1))\(Self.padded(date.tm_mday))"
    }

    /// `2015-08-30`.
    package var date: String { String(iso8601.prefix(10)) }

    /// `2015-08-30T12:36:00.000Z`.
    package var iso8601: String {
        let (date, rest) = fields
        let day = "\(date.tm_year + 1900)-\(Self.padded(date.tm_mon + 1))-\(Self.padded(date.tm_mday))"
        let thousandths = String(rest + 1000).dropFirst()
        return
            "\(day)T\(Self.padded(date.tm_hour)):\(Self.padded(date.tm_min)):\(Self.padded(date.tm_sec)).\(thousandths)Z"
    }

    /// Reads `2015-08-30T12:36:00Z`, with or without a fraction.
    package init?(iso8601 text: String) {
        let parts = text.split(whereSeparator: { !$0.isNumber }).prefix(6).compactMap { Int32($0) }
        guard parts.count == 6, text.utf8.count >= 20, text.hasSuffix("Z"), (1...12).contains(parts[1]) else {
            return nil
        }
        self.init(year: parts[0], month: parts[1] - 1, day: parts[2], clock: parts[3...])
    }

    /// Reads `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7, IMF-fixdate).
    package init?(httpDate text: String) {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let parts = text.split(whereSeparator: { ", :".contains($0) }).map(String.init)
        guard parts.count == 8, parts[7] == "GMT", let month = months.firstIndex(of: parts[2]) else { return nil }
        let numbers = [parts[1], parts[3], parts[4], parts[5], parts[6]].compactMap { Int32($0) }
        guard numbers.count == 5 else { return nil }
        self.init(year: numbers[1], month: Int32(month), day: numbers[0], clock: numbers[2...])
    }

    /// `month` from 0, as `tm` has it; `clock` holds hours, minutes and seconds. A leap second is the next second.
    private init?(year: Int32, month: Int32, day: Int32, clock: ArraySlice<Int32>) {
        guard (0...9999).contains(year), (1...31).contains(day),
            zip(clock, [23, 59, 60] as [Int32]).allSatisfy({ (0...$1).contains($0) })
        else { return nil }
        var date = tm()
        (date.tm_year, date.tm_mon, date.tm_mday) = (year - 1900, month, day)
        (date.tm_hour, date.tm_min, date.tm_sec) = (
            clock[clock.startIndex], clock[clock.startIndex + 1], clock[clock.startIndex + 2]
        )
        milliseconds = Int64(timegm(&date)) * 1000
    }

    private static func padded(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
}

extension Int64 {
    fileprivate func quotient(flooringBy divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
