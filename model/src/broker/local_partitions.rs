//! The partitions a broker has a replica of, found by name in constant time.

use crate::ids::TopicPartition;

use super::partition::Partition;

/// All of a broker's partitions, in the order of their names.
#[derive(Clone, Debug, Default)]
pub struct LocalPartitions {
    partitions: Vec<Partition>,
    /// By topic and partition number: one more than the place in `partitions`, or 0.
    places: Vec<Vec<u16>>,
}

impl LocalPartitions {
    /// The partitions given, which must be in the order of their names.
    pub fn new(partitions: Vec<Partition>) -> Self {
        let mut places: Vec<Vec<u16>> = Vec::new();
        for (index, partition) in partitions.iter().enumerate() {
            let TopicPartition { topic, partition } = partition.partition();
            let (topic, partition) = (usize::from(topic.0), usize::from(partition));
            places.resize(places.len().max(topic + 1), Vec::new());
            let row = &mut places[topic];
            row.resize(row.len().max(partition + 1), 0);
            row[partition] = index as u16 + 1;
        }
        LocalPartitions { partitions, places }
    }

    /// The partition, if this broker has a replica of it.
    pub fn get(&self, name: TopicPartition) -> Option<&Partition> {
        self.place(name).map(|place| &self.partitions[place])
    }

    /// The partition, if this broker has a replica of it.
    pub fn get_mut(&mut self, name: TopicPartition) -> Option<&mut Partition> {
        self.place(name).map(|place| &mut self.partitions[place])
    }

    /// All partitions.
    pub fn iter(&self) -> impl Iterator<Item = &Partition> + Clone {
        self.partitions.iter()
    }

    /// All partitions.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Partition> {
        self.partitions.iter_mut()
    }

    fn place(&self, name: TopicPartition) -> Option<usize> {
        let place =
            *self.places.get(usize::from(name.topic.0))?.get(usize::from(name.partition))?;
        usize::from(place).checked_sub(1)
    }
}
