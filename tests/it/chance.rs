//! Chance that can be repeated, and what it does to bytes that were right.

/// splitmix64, https://prng.di.unimi.it/splitmix64.c
pub struct Chance(pub u64);

impl Chance {
    /// A number below `most`, which is not 0.
    pub fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % most
    }

    /// One of them.
    pub fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len() as u64) as usize]
    }

    /// A place in bytes, from 0 to their length.
    fn place(&mut self, bytes: &[u8]) -> usize {
        self.below(bytes.len() as u64 + 1) as usize
    }

    /// Changes bytes in one way or a few.
    pub fn damage(&mut self, bytes: &mut Vec<u8>) {
        /// Bytes that mean something somewhere.
        const TELLING: &[u8] = b"\0\n\r\x1b\"{}[],:!&/\\\x7f\x80\xc3\xe2\xf4\xff09-";
        for _ in 0..=self.below(4) {
            let (one, other) = (self.place(bytes), self.place(bytes));
            let (from, to) = (one.min(other), one.max(other));
            match self.below(11) {
                0 if from < bytes.len() => bytes[from] ^= 1 << self.below(8),
                1 if from < bytes.len() => bytes[from] = *self.of(TELLING),
                2 => bytes.insert(from, *self.of(TELLING)),
                3 => drop(bytes.drain(from..to)),
                4 => bytes.truncate(to),
                5 => {
                    let again = bytes[from..to].to_vec();
                    let place = self.place(bytes);
                    bytes.splice(place..place, again);
                }
                6 => bytes[from..to].reverse(),
                7 => {
                    let run = vec![*self.of(TELLING); self.below(20_000) as usize];
                    bytes.splice(from..from, run);
                }
                // A field with a number keeps its meaning, with another number.
                _ => {
                    let digits = |byte: &u8| byte.is_ascii_digit();
                    if let Some(ahead) = bytes[from..].iter().position(digits) {
                        bytes[from + ahead] = *self.of(b"0123456789");
                    }
                }
            }
        }
    }
}
