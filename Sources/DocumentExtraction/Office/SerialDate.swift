/// Days since an epoch, as spreadsheets keep dates (ECMA-376 part 1, §18.17.4.1).
enum SerialDate {
    enum Epoch {
        case from1900
        case from1904
    }

    /// ISO 8601; a value below one is a time of day.
    static func text(_ value: Double, _ epoch: Epoch) -> String {
        guard value >= 0, value < 2_958_466 else { return "\(value)" }
        var days = Int(value.rounded(.down))
        var seconds = Int(((value - Double(days)) * 86_400).rounded())
        if seconds == 86_400 { (days, seconds) = (days + 1, 0) }
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let time = "\(two(seconds / 3600)):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
        if days == 0, epoch == .from1900 { return time }
        // 1900 counts as a leap year there: days after its 28 February are one too many.
        let base = epoch == .from1904 ? 24_107 : days < 60 ? 25_568 : 25_569
        let (year, month, day) = civil(days - base)
        let date = "\(year)-\(two(month))-\(two(day))"
        return seconds == 0 ? date : "\(date) \(time)"
    }

    /// Year, month and day of a day since 1970 (proleptic Gregorian calendar, counted in eras of 400 years).
    private static func civil(_ days: Int) -> (Int, Int, Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let part = (5 * dayOfYear + 2) / 153
        let month = part < 10 ? part + 3 : part - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * part + 2) / 5 + 1)
    }
}
