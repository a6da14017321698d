//! Files of several clients of one run, read one after the other as one history.
//!
//! Only formats in which each client writes its own file can be merged: who sent what another read is found by the records, so
//! these have to differ (`VerifiableProducer --value-prefix`, where there are several producers).

use super::{Format, dump, verifiable};
use crate::klog::{Imported, ReadError};
use std::io::BufRead;

/// A history being read from several files.
pub struct Merged(Clients);

enum Clients {
    Verifiable(Box<verifiable::Log>),
    Dump(Box<dump::Dump>),
}

impl Merged {
    /// A history of files in `format`, none of which is read yet; `None` if a file in this format is of all clients.
    #[must_use]
    pub fn of(format: Format) -> Option<Self> {
        match format {
            Format::Verifiable => {
                Some(Merged(Clients::Verifiable(Box::new(verifiable::Log::new()))))
            }
            Format::Dump => Some(Merged(Clients::Dump(Box::new(dump::Dump::new())))),
            Format::Klog | Format::Edn => None,
        }
    }

    /// Reads the file of `client`. Returns its last line, if the file ends in the middle of it.
    ///
    /// # Errors
    /// Those of `input`, and the first line that the format does not have.
    pub fn read(&mut self, client: &str, input: impl BufRead) -> Result<Option<u64>, ReadError> {
        match &mut self.0 {
            Clients::Verifiable(log) => log.read_file(client, input),
            Clients::Dump(dump) => dump.read_file(client, input),
        }
    }

    /// All that was read.
    #[must_use]
    pub fn finish(self) -> Imported {
        match self.0 {
            Clients::Verifiable(log) => log.finish(),
            Clients::Dump(dump) => dump.imported,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Contract;
    use crate::verdict::Property;

    fn line(name: &str, offset: u64, value: &str) -> String {
        let place = format!("\"topic\":\"t\",\"partition\":0,\"offset\":{offset}");
        format!(
            "{{\"timestamp\":9,\"name\":\"{name}\",{place},\"key\":null,\"value\":\"{value}\"}}\n"
        )
    }

    #[test]
    fn what_one_file_says_was_sent_another_says_was_read() {
        let files = [
            ("checkout-1", line("producer_send_success", 0, "a.0")),
            ("checkout-2", line("producer_send_success", 1, "b.0") + "{\"timest"),
            ("billing", line("record_data", 0, "a.0") + &line("record_data", 1, "c.0")),
        ];
        let mut merged = Merged::of(Format::Verifiable).unwrap();
        let cuts = files.map(|(client, text)| merged.read(client, text.as_bytes()).unwrap());
        assert_eq!(cuts, [None, Some(2), None]);
        let history = merged.finish().history;
        let clients = history.sessions().map(|session| history.client_name(session.client));
        assert_eq!(clients.collect::<Vec<_>>(), ["checkout-1", "checkout-2", "billing"]);
        let judgement = crate::judge(&history, &Contract::default());
        let broken = judgement.anomalies.keys().map(|kind| kind.property());
        assert!(broken.into_iter().all(|property| property != Property::AtMostOnce));
        let kinds: Vec<_> = judgement.anomalies.keys().map(|kind| kind.name()).collect();
        assert_eq!(kinds, ["phantom", "acked-offset-conflict"]);
    }

    #[test]
    fn dumps_of_two_readers_are_compared() {
        let mut merged = Merged::of(Format::Dump).unwrap();
        merged.read("alice", &b"orders 0 0 k 7\norders 0 1 k 8\n"[..]).unwrap();
        merged.read("bob", &b"orders 0 0 k 7\norders 0 1 k 9\n"[..]).unwrap();
        let judgement = crate::judge(&merged.finish().history, &Contract::default());
        let kinds: Vec<_> = judgement.anomalies.keys().map(|kind| kind.name()).collect();
        assert_eq!(kinds, ["divergence"]);
    }

    #[test]
    fn a_file_of_all_clients_is_not_merged() {
        assert!(Merged::of(Format::Klog).is_none());
        assert!(Merged::of(Format::Edn).is_none());
    }
}
