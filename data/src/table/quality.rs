use super::definition::table;

table! {
    /// One check of a day's data; what is odd is reported here and never repaired.
    QualityCheck = "quality" version 1 Described {
        check: String ["name"] "The check's name, such as `capacity_zero`.",
        meaning: String ["text"] "What it looks for, in a sentence.",
        checked: u32 ["stations"] "Stations it looked at.",
        found: u32 ["stations"] "Stations in which it found something.",
        examples: Option<String> ["ids"] "Up to five `station_id`s, with commas between.",
    }
}
