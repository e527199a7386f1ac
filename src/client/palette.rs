//! The colours of names.

/// The number of colours of the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    None,
    /// The 16 that every terminal with colours has.
    Sixteen,
    /// The 256 of xterm.
    Many,
}

/// The number of a colour. Those below 16 are chosen by the owner of the terminal.
pub type Index = u8;

/// Red, green, yellow, blue, magenta, cyan: readable on light and on dark backgrounds.
const OF_SIXTEEN: [Index; 6] = [1, 2, 3, 4, 5, 6];

/// The colours of xterm's colour cube that stand out from both black and white.
const OF_MANY: [Index; 24] = [
    160, 167, 166, 130, 136, 100, 64, 28, 29, 30, 31, 33, 26, 69, 63, 99, 135, 128, 164, 170, 163,
    162, 168, 161,
];

impl Colours {
    /// The colours of the standard output, according to the environment variables
    /// [NO_COLOR](https://no-color.org), `COLORTERM` and `TERM`.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Colours {
        if variable("NO_COLOR").is_some() {
            return Colours::None;
        }
        let is_many = |term: String| term.contains("256color");
        match variable("COLORTERM").is_some() || variable("TERM").is_some_and(is_many) {
            true => Colours::Many,
            false => Colours::Sixteen,
        }
    }

    /// The colour of a name. It is the same in every client, however the name is written.
    pub fn of_name(self, name: &str) -> Option<Index> {
        // FNV-1a; its upper bits are the better mixed ones.
        let hash = chatroom::names::fold(name)
            .bytes()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        let pick = |all: &[Index]| all[(hash >> 16) as usize % all.len()];
        match self {
            Colours::None => None,
            Colours::Sixteen => Some(pick(&OF_SIXTEEN)),
            Colours::Many => Some(pick(&OF_MANY)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The relative luminance of a colour of the cube, as WCAG 2.2 defines it.
    fn luminance(index: Index) -> f64 {
        let number = index - 16;
        let linear = |level: u8| {
            let value = if level == 0 { 0.0 } else { f64::from(55 + 40 * level) / 255.0 };
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055_f64).powf(2.4) }
        };
        let [red, green, blue] = [number / 36, number / 6 % 6, number % 6].map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    #[test]
    fn every_name_can_be_read_on_black_and_on_white() {
        for index in OF_MANY {
            let (on_black, on_white) =
                ((luminance(index) + 0.05) / 0.05, 1.05 / (luminance(index) + 0.05));
            assert!(on_black > 3.0 && on_white > 3.0, "{index}: {on_black} and {on_white}");
        }
    }

    #[test]
    fn a_name_keeps_its_colour_and_names_differ() {
        assert_eq!(Colours::Many.of_name("Ann"), Colours::Many.of_name("aNN"));
        let names: Vec<String> = (0..1000).map(|number| format!("person{number}")).collect();
        for (colours, count) in [(Colours::Sixteen, 6), (Colours::Many, 24)] {
            let used: std::collections::BTreeSet<_> =
                names.iter().filter_map(|name| colours.of_name(name)).collect();
            assert_eq!(used.len(), count);
        }
        assert_eq!(Colours::None.of_name("ann"), None);
    }
}
