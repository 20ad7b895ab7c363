//! Vagrantfiles in the styles that people write them in, and what becomes of them.
use super::*;
use crate::import::{From, propose};

fn blocks() -> Blocks {
    Blocks::new(["debian-12", "python-3.11"].map(str::to_owned))
}

/// The file, beside what these styles refer to.
fn imported(text: &str) -> Proposal {
    let mut snapshot = Snapshot::default();
    snapshot.add(NAME, Some(text.to_owned()));
    snapshot
        .add("provision/web.sh", Some("#!/bin/bash\nsudo apt-get install -y nginx\nservice nginx start\n".to_owned()));
    snapshot.add("provision/db.sh", Some("psql -h 192.168.56.10 -f /vagrant/x\n".to_owned()));
    snapshot.add("conf/nginx.conf", None);
    snapshot.add("conf/bashrc", None);
    snapshot.add("src/main.c", None);
    propose(&snapshot, From::Vagrant, &blocks()).unwrap()
}

macro_rules! fixtures {
    ($($name:ident: $file:literal,)*) => { $(
        #[test]
        fn $name() {
            insta::assert_snapshot!(imported(include_str!(concat!("../../../tests/fixtures/vagrant/", $file))).text);
        }
    )* };
}

fixtures! {
    one_box: "01-one-box.rb",
    three_tiers: "02-three-tiers.rb",
    loop_of_nodes: "03-loop-of-nodes.rb",
    hash_of_machines: "04-hash-of-machines.rb",
    old_style: "05-old-style.rb",
    methods_of_the_file: "06-methods.rb",
    not_static: "07-not-static.rb",
    provisioners: "08-provisioners.rb",
    choices: "09-choices.rb",
    hostile: "10-hostile.rb",
}

#[test]
fn what_is_not_known_has_its_line_and_is_not_taken_over() {
    let proposal = imported(include_str!("../../../tests/fixtures/vagrant/07-not-static.rb"));
    let lines: Vec<usize> = proposal.open.iter().filter_map(|finding| Some(finding.place.as_ref()?.line)).collect();
    for line in [6, 7, 8, 9, 18, 24] {
        assert!(lines.contains(&line), "{line}: {:?}", proposal.open);
    }
    for (line, text) in [(10, "type: nfs"), (25, "bash -c 'echo done'")] {
        assert_eq!(proposal.text.contains(text), line == 25, "{text}");
    }
}

#[test]
fn no_loop_and_no_depth_is_without_end() {
    for text in [
        "def a\n a\nend\na",
        "def a(x)\n a(x + x)\n a(x)\nend\na 'x'",
        "s = 'x' * 1000\n100.times { |i| s = s + s }\nVagrant.configure('2') { |c| c.vm.box = s }",
        "l = [1]\n100.times { l = [l, l] }",
        "l = [1]\n1000.times { l = [l] }\n1000.times { l = { a: l } }",
        "1000.times { 1000.times { 1000.times { |i| x = i } } }",
        "(1..999999999).each { |i| x = i }",
        "100.times { |i| Vagrant.configure('2') { |c| c.vm.define \"m#{i}\" } }",
    ] {
        let proposal = imported(text);
        assert!(!proposal.services.is_empty() && proposal.services.len() <= 64, "{text}");
    }
}

mod any_text {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn gets_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            imported(&String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn made_of_a_vagrantfiles_words_gets_an_answer(words in proptest::collection::vec(prop::sample::select(vec![
            "Vagrant.configure(\"2\") do |config|\n", "config.vm.define \"a\" do |m|\n", "end\n", "m.vm.box = ", "'x'\n",
            "config.vm.network", " :forwarded_port,", " guest: 1,", " host: 2\n", "config.vm.provision ", "\"shell\", ",
            "inline: <<-S\n", "S\n", "path: 'provision/web.sh'\n", "(1..3).each do |i|\n", "\"#{i}\"", "if ", "else\n", "x = ",
            "config.vm.provider :v do |v|\n", "v.memory = ", "[\"modifyvm\", \"--memory\", 5]", "v.customize ", "{", "}", "(", ")",
            "config.vm.synced_folder ", "'a', '/b'\n", "config", ".vm", ".each", " do |a, (b, c)|\n", "\n",
        ]), 0..40)) {
            imported(&words.concat());
        }
    }
}
