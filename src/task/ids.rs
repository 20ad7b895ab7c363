//! Gives a user of an image the ids of the person on this machine, as a step on top of the image: then files of the
//! project belong to the same person inside and outside.

use crate::model::task::Provision;

/// The step. Users that are not there, and ids that somebody else has, stay as they are.
pub fn step(user: &str, uid: u32, gid: u32) -> Provision {
    let user = shlex::try_quote(user).map_or_else(|_| String::new(), std::borrow::Cow::into_owned);
    let run = format!(
        r#"user={user} uid={uid} gid={gid}
old= taken= home=
while IFS=: read -r name _ u g _ h _; do
  if [ "$name" = "$user" ]; then old=$u group=$g home=$h; elif [ "$u" = "$uid" ]; then taken=$name; fi
done </etc/passwd
if [ -z "$old" ] || [ -n "$taken" ] || [ "$old:$group" = "$uid:$gid" ]; then exit 0; fi
while IFS=: read -r name _ g _; do
  if [ "$g" = "$gid" ] && [ "$gid" != "$group" ]; then gid=$group; fi
done </etc/group
while IFS=: read -r name password u g rest; do
  if [ "$name" = "$user" ]; then u=$uid g=$gid; fi
  printf '%s\n' "$name:$password:$u:$g:$rest"
done </etc/passwd >/etc/passwd.devup
cat /etc/passwd.devup >/etc/passwd
while IFS=: read -r name password g rest; do
  if [ "$g" = "$group" ]; then g=$gid; fi
  printf '%s\n' "$name:$password:$g:$rest"
done </etc/group >/etc/group.devup
cat /etc/group.devup >/etc/group
rm -f /etc/passwd.devup /etc/group.devup
if [ -d "$home" ] && [ "$home" != / ]; then chown -R "$uid:$gid" "$home"; fi
"#
    );
    Provision { run, user: Some("root".to_owned()), ..Provision::default() }
}

/// Whether there is anything to do for this user: root is root, and a number is nobody's name.
pub fn concerns(user: &str) -> bool {
    let name = user.split(':').next().unwrap_or_default();
    !name.is_empty() && name != "root" && !name.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_and_numbers_stay_as_they_are() {
        assert!(concerns("vscode") && concerns("node:staff"));
        assert!(!concerns("root") && !concerns("") && !concerns("1000") && !concerns("1000:1000"));
    }

    #[test]
    fn a_name_can_not_become_a_command() {
        assert!(step("a; rm -rf /", 1, 1).run.starts_with("user='a; rm -rf /' uid=1 gid=1\n"));
    }

    #[cfg(unix)]
    #[test]
    fn the_user_gets_the_ids_and_nobody_elses() {
        let root = tempfile::tempdir().unwrap();
        let etc = root.path().join("etc");
        let home = root.path().join("home");
        std::fs::create_dir_all(&etc).unwrap();
        std::fs::create_dir_all(&home).unwrap();
        let perform = |uid: u32, gid: u32| {
            let passwd = format!(
                "root:x:0:0:root:/root:/bin/sh\nnode:x:900:900:a b:{}:/bin/sh\nbob:x:901:901::/:/bin/sh\n",
                home.display()
            );
            std::fs::write(etc.join("passwd"), passwd).unwrap();
            std::fs::write(etc.join("group"), "root:x:0:\nnode:x:900:bob\nbob:x:901:\n").unwrap();
            let script =
                step("node", uid, gid).run.replace("/etc/", &format!("{}/", etc.display())).replace("chown", "true");
            assert!(std::process::Command::new("sh").args(["-euc", &script]).status().unwrap().success());
            let read = |name: &str| std::fs::read_to_string(etc.join(name)).unwrap();
            let line = |text: String, number: usize| text.lines().nth(number).unwrap().to_owned();
            (line(read("passwd"), 1), line(read("group"), 1))
        };
        let (passwd, group) = perform(1234, 1235);
        assert!(passwd.starts_with("node:x:1234:1235:a b:") && passwd.ends_with(":/bin/sh"), "{passwd}");
        assert_eq!(group, "node:x:1235:bob");
        assert!(perform(901, 1235).0.starts_with("node:x:900:900:"), "bob's id stays bob's");
        let (passwd, group) = perform(1234, 901);
        assert!(passwd.starts_with("node:x:1234:900:") && group == "node:x:900:bob", "bob's group stays bob's");
    }
}
