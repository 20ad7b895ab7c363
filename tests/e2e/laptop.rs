//! A laptop is lost, and a new one is brought to the same state by one command. What came back is judged by git, by the
//! files themselves, by the databases in their own language and by the engine, never by what devup says.

mod data;
mod facts;
mod projects;
mod world;

use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::engine::{Kind, engine};
use data::{Data, Size};
use facts::{Facts, of_folder, of_repository};
use projects::{alone, blog, pair, plain, shop};
use world::{SECRET, World, write};

/// The user's own files.
fn own_files(world: &World) {
    write(&world.home.join(".vimrc"), "set number\n");
    write(&world.home.join(".ssh/config"), "Host git.example\n");
    write(&world.home.join(".ssh/id_work"), "-----BEGIN OPENSSH PRIVATE KEY-----\nnobody said that it may be kept\n");
}

#[test]
fn a_lost_laptop_comes_back_with_one_command() {
    let Some(engine) = engine(Kind::Docker) else { return };
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: volumes are compared on the engine's own disk, which takes root");
        return;
    }
    let mut world = World::new(&engine);
    let (shop, blog, alone, pair) = (shop(&mut world), blog(&mut world), alone(&mut world), pair(&mut world));
    let plain = plain(&mut world);
    for folder in [&shop, &blog, &alone, &pair.join("api"), &pair.join("web"), &plain] {
        world.devup(folder, &["up"]).expect(0);
    }
    world.keep_secret(&shop);
    own_files(&world);
    Data::of(&world).fill(&Size::wanted());
    let data_before = Data::of(&world).facts();
    assert!(data_before["postgres rows"].contains('|') && data_before["mariadb rows"].contains("blog.posts"));
    let repositories =
        [shop.clone(), shop.join("libs/inner"), blog.clone(), blog.with_file_name("blog-hotfix"), alone, pair];
    let before: Vec<Facts> = repositories.iter().map(|folder| of_repository(folder)).collect();
    let plain_before = of_folder(&plain);
    println!("laptop: {}", Data::of(&world).amount());
    let (words, store) = back_up(&world);
    for (folder, before) in repositories.iter().zip(&before) {
        facts::assert_equal(&of_repository(folder), before, folder);
    }
    let old_home = world.home.clone();
    world.lose();

    let root = world.path("");
    let command = ["restore", "--all", "--from", &store, "--passphrase-file", &words];
    let began = Instant::now();
    let said = world.devup(&root, &command).expect(0);
    println!("laptop: restored in {:.1} s", began.elapsed().as_secs_f32());
    assert!(!said.out.contains("NOT"), "{}", said.out);
    let moved = |folder: &Path| world.home.join(folder.strip_prefix(&old_home).unwrap());
    for (folder, before) in repositories.iter().zip(&before) {
        facts::assert_equal(&of_repository(&moved(folder)), before, folder);
    }
    facts::assert_equal(&of_folder(&moved(&plain)), &plain_before, &plain);
    for name in &world.names {
        assert!(engine.running(name).contains(&format!("{name}-web-1")), "{name} is up");
    }
    assert_eq!(fs::read_to_string(world.home.join(".vimrc")).unwrap(), "set number\n");
    assert!(world.home.join(".ssh/config").exists() && !world.home.join(".ssh/id_work").exists());
    facts::assert_equal(&Data::of(&world).facts(), &data_before, Path::new("data"));
    let secret = world.devup(&moved(&shop), &["secret", "get", "api"]).expect(0);
    assert_eq!(secret.out.trim_end(), SECRET);
    // once more: nothing is done twice, and nothing is overwritten
    fs::write(moved(&shop).join("newer"), "work\n").unwrap();
    world.devup(&root, &command).expect(0);
    assert_eq!(fs::read_to_string(moved(&shop).join("newer")).unwrap(), "work\n");
    facts::assert_equal(&Data::of(&world).facts(), &data_before, Path::new("data"));
}

/// Backs everything up. Returns the file with the words of the recovery sheet, and the repository.
fn back_up(world: &World) -> (String, String) {
    let (root, key, store) = (world.path(""), world.path("key"), world.path("backups"));
    let (key, store) = (key.to_string_lossy(), store.to_string_lossy().into_owned());
    world.devup(&root, &["backup", "init", &store, "--sheet", "sheet", "--passphrase-file", &key]).expect(0);
    let began = Instant::now();
    let said = world.devup(&root, &["backup", "--all", "--passphrase-file", &key]).expect(0);
    println!("laptop: backed up in {:.1} s", began.elapsed().as_secs_f32());
    let text = format!("{}{}", said.err, said.out);
    assert!(said.err.contains("\n  .vimrc\n") && said.out.contains(".ssh/id_work: private keys"), "{text}");
    assert!(!said.out.contains("a dump of"), "every database is dumped: {text}");
    (world.recovery_words(), store)
}
